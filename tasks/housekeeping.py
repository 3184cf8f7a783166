"""Jobs that keep the house: clean-up, and a pulse for queues that are often empty."""

import structlog

from domain import clock
from domain.fitness.syncs import delete_unasked
from domain.idempotency import ROUND, delete_old
from worker.task import PodiumTask, task

log = structlog.get_logger(__name__)

MOST_ROUNDS = 100
"""Half a million keys in ten minutes, each round in a short unit of its own."""


@task("housekeeping.pulse")
def pulse(self: PodiumTask) -> None:
    """Do nothing: that it ran shows that its queue is read."""
    log.debug("housekeeping.pulse", task=self.name)


@task("housekeeping.clean_up")
def clean_up(self: PodiumTask) -> None:
    """Delete what has served its time."""
    deleted = 0
    for _ in range(MOST_ROUNDS):
        with self.unit() as unit:
            some = delete_old(unit.session, clock.now())
        deleted += some
        if some < ROUND:
            break
    with self.unit() as unit:
        syncs = delete_unasked(unit.session, clock.now())
    log.info("housekeeping.cleaned", idempotency_keys=deleted, syncs=syncs)
