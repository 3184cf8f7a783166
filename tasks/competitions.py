"""Jobs of the competitions queue."""

import structlog

from domain import clock
from domain.competitions.life import advance_due
from tasks.fitness import FLUSH
from worker.task import PodiumTask, task

log = structlog.get_logger(__name__)


@task("competitions.sweep")
def sweep(self: PodiumTask) -> None:
    """Move competitions to the state that their times say."""
    with self.unit() as unit:
        if moved := advance_due(unit.session, clock.now()):
            unit.after_commit(lambda: self.doorbell.ring(FLUSH))
    if moved:
        log.info("competitions.moved", competition_ids=[str(one) for one in moved])
