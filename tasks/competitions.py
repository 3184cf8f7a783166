"""Jobs of the competitions queue."""

import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import structlog

from domain import clock
from domain.competitions import freezing, life, replanning
from domain.competitions.freezing import Written
from domain.database import DATABASE_AWAY, reason
from domain.scoring import shared_devices as sharing
from models.competition import CompetitionStatus
from tasks.fitness import FLUSH
from tasks.flags import take_look
from tasks.prizes import SETTLE
from worker.task import PodiumTask, task

log = structlog.get_logger(__name__)

SWEEP = "competitions.sweep"
AT_ONCE = 200
"""Pieces of each kind of work that are taken up before looking again."""
LONGEST_SECONDS = 3.0
"""Boards share these workers, so a sweep with more to do hands over to a fresh one."""

LONGEST_LOOK = timedelta(hours=1)
"""A freeze waits no longer for its last look, whatever hinders that."""

Id = TypeVar("Id", uuid.UUID, int)


@task(SWEEP)
def sweep(self: PodiumTask) -> None:
    """Do all that competitions owe by the clock: plans, steps and standings."""
    self.doorbell.take_off(SWEEP)
    end = time.monotonic() + LONGEST_SECONDS
    work = Work(self)
    while work.some(end):
        if time.monotonic() > end:
            self.doorbell.ring(SWEEP)
            return


class Work:
    """What one sweep does, each piece in a short unit of its own."""

    def __init__(self, task: PodiumTask) -> None:
        self._task = task
        self._passed: set[uuid.UUID | int] = set()
        """What could not go on: it is left to the next sweep and holds up nothing else."""

    def some(self, end: float) -> bool:
        """Take up some of what is owed; say whether there was anything."""
        passed = [one for one in self._passed if isinstance(one, uuid.UUID)]
        with self._task.unit() as unit:
            plans = replanning.unplanned(unit.session, AT_ONCE)
            steps = life.due(unit.session, clock.now(), AT_ONCE, passed)
            standings = freezing.unfinished_standings(unit.session, AT_ONCE)
        done = [
            self._each(plans, self._plan, end),
            self._each(steps, self._step, end),
            self._each(standings, self._freeze, end),
        ]
        return any(done)

    def _each(self, ids: list[Id], act: Callable[[Id], bool], end: float) -> bool:
        todo = [one for one in ids if one not in self._passed]
        for one in todo:
            if time.monotonic() > end:
                break
            try:
                if not act(one):
                    self._passed.add(one)
            except DATABASE_AWAY as error:
                log.warning("competitions.put_off", competition_id=str(one), error=reason(error))
                self._passed.add(one)
            except Exception:
                log.exception("competitions.failed", competition_id=str(one))
                self._passed.add(one)
        return bool(todo)

    def _plan(self, competition_id: uuid.UUID) -> bool:
        with self._task.unit() as unit:
            replanning.plan_page(unit.session, competition_id, clock.now())
            unit.after_commit(lambda: self._task.doorbell.ring(FLUSH))
        return True

    def _step(self, competition_id: uuid.UUID) -> bool:
        if not self._look(competition_id):
            return False
        with self._task.unit() as unit:
            after = life.advance(unit.session, competition_id, clock.now())
            if after is not None:
                unit.after_commit(lambda: self._task.doorbell.ring(FLUSH))
            if after is CompetitionStatus.FINAL:
                unit.after_commit(lambda: self._task.doorbell.ring(SETTLE))
        if after is not None:
            log.info("competition.moved", competition_id=str(competition_id), status=after)
        return after is not None

    def _look(self, competition_id: uuid.UUID) -> bool:
        """Search for shared devices once more before a freeze; say whether to go on."""
        now = clock.now()
        with self._task.unit() as unit:
            shut_at = life.shut(unit.session, competition_id, now)
            look = sharing.last_look(unit.session, competition_id)
        if shut_at is None or look is None:
            return True
        if now - shut_at > LONGEST_LOOK:
            log.error("competition.unsearched", competition_id=str(competition_id))
            return True
        return take_look(self._task, look, now)

    def _freeze(self, standing_id: int) -> bool:
        with self._task.unit() as unit:
            written = freezing.write_page(unit.session, standing_id, clock.now())
        if written is Written.COMPLETE:
            log.info("competition.frozen", standing_id=standing_id)
        return written is not Written.BUSY
