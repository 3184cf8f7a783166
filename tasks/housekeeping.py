"""Jobs that keep the house: clean-up, and a pulse for queues that are often empty."""

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from domain import clock
from domain.fitness.syncs import delete_ended
from domain.idempotency import delete_old
from domain.webhooks import delete_old as delete_old_messages
from worker.task import PodiumTask, task

log = structlog.get_logger(__name__)

MOST_ROUNDS = 100
"""Half a million keys and a million syncs in ten minutes."""


@task("housekeeping.pulse")
def pulse(self: PodiumTask) -> None:
    """Do nothing: that it ran shows that its queue is read."""
    log.debug("housekeeping.pulse", task=self.name)


@task("housekeeping.clean_up")
def clean_up(self: PodiumTask) -> None:
    """Delete what has served its time."""
    keys = _in_rounds(self, delete_old)
    syncs = _in_rounds(self, delete_ended)
    messages = _in_rounds(self, delete_old_messages)
    log.info("housekeeping.cleaned", idempotency_keys=keys, syncs=syncs, messages=messages)


def _in_rounds(self: PodiumTask, delete_some: Callable[[Session, datetime], int]) -> int:
    """Delete until there is nothing left, each round in a short unit of its own."""
    deleted = 0
    for _ in range(MOST_ROUNDS):
        with self.unit() as unit:
            some = delete_some(unit.session, clock.now())
        if not some:
            break
        deleted += some
    return deleted
