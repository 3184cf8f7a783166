"""Jobs that keep the boards in Redis what the table says."""

import time
import uuid

import structlog

from domain import clock
from domain.leaderboards import rebuild as rebuilds
from domain.leaderboards import sweep as sweeps
from domain.leaderboards.flush import BoardLost, Outcome, flush_board
from domain.leaderboards.marks import mark_dirty, marked_boards
from domain.leaderboards.store import BoardStore
from worker.task import PodiumTask, task

log = structlog.get_logger(__name__)

FLUSH = "leaderboards.flush"
LINGER_SECONDS = 0.05
"""Time for more marks to gather behind the one that rang."""
DRAIN_SECONDS = 60.0
"""A flusher that still finds marks after this hands over to a fresh one."""


@task(FLUSH)
def flush(self: PodiumTask) -> None:
    """Flush all marked boards, until no marks are left."""
    time.sleep(LINGER_SECONDS)
    self.doorbell.take_off(FLUSH)
    store = BoardStore(self.redis)
    left: set[uuid.UUID] = set()
    stop_at = time.monotonic() + DRAIN_SECONDS
    while boards := [id_ for id_ in _marked(self) if id_ not in left]:
        if time.monotonic() > stop_at:
            self.doorbell.ring(FLUSH)
            return
        for competition_id in boards:
            outcome = _flush_one(self, store, competition_id)
            if outcome is Outcome.LOST:
                rebuild.delay(competition_id=str(competition_id))
            if outcome in (Outcome.LOST, Outcome.BUSY):
                left.add(competition_id)


@task("leaderboards.rebuild")
def rebuild(self: PodiumTask, *, competition_id: str) -> None:
    """Make a board anew if Redis does not show what the table knows."""
    store = BoardStore(self.redis)
    with self.unit() as unit:
        now = clock.now()
        work = rebuilds.begin(unit.session, store, uuid.UUID(competition_id), now)
    if work is None:
        return
    try:
        _copy(self, store, work)
        with self.unit() as unit:
            reached = rebuilds.finish(unit.session, store, work)
        outcome = "board.rebuilt" if reached else "board.changed_during_rebuild"
        log.info(outcome, competition_id=competition_id, people=work.copied)
    except rebuilds.LeaseLost:
        log.warning("board.rebuild_overtaken", competition_id=competition_id)
    finally:
        with self.unit() as unit:
            rebuilds.give_up(unit.session, work)
    self.doorbell.ring(FLUSH)


@task("leaderboards.sweep")
def sweep(self: PodiumTask) -> None:
    """Compare the live boards with Redis, and wake whoever mends what is found."""
    with self.unit() as unit:
        known = sweeps.known_boards(unit.session, clock.now())
        waiting = bool(marked_boards(unit.session))
    found = sweeps.compare(BoardStore(self.redis), known)
    if found.stale:
        with self.unit() as unit:
            mark_dirty(unit.session, ((competition_id, None) for competition_id in found.stale))
    for competition_id in found.lost:
        rebuild.delay(competition_id=str(competition_id))
    if waiting or found.stale:
        self.doorbell.ring(FLUSH)


def _marked(self: PodiumTask) -> list[uuid.UUID]:
    with self.unit() as unit:
        return marked_boards(unit.session)


def _copy(self: PodiumTask, store: BoardStore, work: rebuilds.Rebuild) -> None:
    while True:
        with self.unit() as unit:
            people = rebuilds.read_page(unit.session, work, clock.now())
        if not people:
            return
        rebuilds.copy_page(store, work, people)


def _flush_one(self: PodiumTask, store: BoardStore, competition_id: uuid.UUID) -> Outcome:
    try:
        with self.unit() as unit:
            return flush_board(unit.session, store, competition_id, clock.now())
    except BoardLost:
        return Outcome.LOST
