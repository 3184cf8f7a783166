"""Jobs that look for implausible data where it takes more than one person's to see it."""

from datetime import date, datetime

import structlog

from domain import clock
from domain.database import DATABASE_AWAY, reason
from domain.locks import alone_at
from domain.scoring import shared_devices as sharing
from tasks.leaderboards import FLUSH
from worker.task import PodiumTask, task

log = structlog.get_logger(__name__)

AT_ONCE = 200
"""People who are locked together."""


@task("flags.compare_devices")
def compare_devices(self: PodiumTask) -> None:
    """Flag data that two accounts have from one device."""
    now = clock.now()
    with self.unit() as unit:
        due = sharing.looks_due(unit.session, now)
    for look in due:
        try:
            take_look(self, look, now)
        except DATABASE_AWAY as error:
            # It stays due, and first in line: the others must not wait for it.
            competition_id = str(look.competition_id)
            log.warning("flags.put_off", competition_id=competition_id, error=reason(error))


def take_look(self: PodiumTask, look: sharing.Look, now: datetime) -> bool:
    """Search a competition, unless someone else is at it; say whether it was searched."""
    with alone_at(self.engine, f"look:{look.competition_id}") as alone:
        if alone:
            _search(self, look, now)
    return alone


def _search(self: PodiumTask, look: sharing.Look, now: datetime) -> None:
    with self.unit() as unit:
        days = sharing.days_written(unit.session, look)
    scores = sum(_flag_day(self, look, day, now) for day in days)
    with self.unit() as unit:
        sharing.finish_look(unit.session, look, now)
    if scores:
        log.info("flags.shared", competition_id=str(look.competition_id), scores=scores)


def _flag_day(self: PodiumTask, look: sharing.Look, day: date, now: datetime) -> int:
    with self.unit() as unit:
        suspected = sharing.suspects(unit.session, look, day)
    changed = 0
    for first in range(0, len(suspected), AT_ONCE):
        people = suspected[first : first + AT_ONCE]
        with self.unit() as unit:
            scores = sharing.flag_shared(unit.session, look, day, people, suspected, now)
            if scores:
                unit.after_commit(lambda: self.doorbell.ring(FLUSH))
        changed += scores
    return changed
