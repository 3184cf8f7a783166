"""Jobs that keep the boards in Redis what the table says."""

import time
import uuid
from datetime import datetime

import structlog

from domain import clock
from domain.leaderboards import sweep as sweeps
from domain.leaderboards import verify
from domain.leaderboards.flush import MARKS, BoardLost, Outcome, flush_board
from domain.leaderboards.marks import mark_dirty, marked_boards, traces_of_marks
from domain.leaderboards.store import BoardStore
from tasks.mending import rebuild_board, verify_board
from worker.task import PodiumTask, task
from worker.traces import traces

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
    store = BoardStore(self.redis, traces.here)
    left: set[uuid.UUID] = set()
    stop_at = time.monotonic() + DRAIN_SECONDS
    while boards := {id_: since for id_, since in _marked(self).items() if id_ not in left}:
        if time.monotonic() > stop_at:
            self.doorbell.ring(FLUSH)
            return
        for competition_id, since in boards.items():
            outcome = _flush_one(self, store, competition_id, since)
            if outcome is Outcome.LOST:
                rebuild.delay(competition_id=str(competition_id))
            if outcome in (Outcome.LOST, Outcome.BUSY):
                left.add(competition_id)


@task("leaderboards.rebuild")
def rebuild(self: PodiumTask, *, competition_id: str) -> None:
    """Make a board anew if Redis does not show what the table knows."""
    rebuild_board(self.unit, BoardStore(self.redis), uuid.UUID(competition_id))
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


@task("leaderboards.verify_due")
def verify_due(self: PodiumTask) -> None:
    """Compare the live boards that were not compared for a day, and mend what is wrong."""
    store = BoardStore(self.redis)
    stop_at = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < stop_at:
        with self.unit() as unit:
            due = verify.claim_due(unit.session, clock.now())
        if not due:
            return
        _retire_what_is_over(self, store)
        for competition_id in due:
            _verify_one(self, store, competition_id)


def _marked(self: PodiumTask) -> dict[uuid.UUID, datetime]:
    with self.unit() as unit:
        return marked_boards(unit.session)


def _flush_one(
    self: PodiumTask, store: BoardStore, competition_id: uuid.UUID, since: datetime
) -> Outcome:
    """Flush a board whose oldest mark is of `since`."""
    board = {"competition_id": str(competition_id)}
    try:
        wishes = _wishes(self, competition_id)
        with traces.span("leaderboards.flush_board", wishes, **board), self.unit() as unit:
            outcome = flush_board(unit.session, store, competition_id, clock.now())
    except BoardLost:
        return Outcome.LOST
    if outcome is Outcome.FLUSHED:
        self.tally_time("flush_lag", (clock.now() - since).total_seconds())
    return outcome


def _wishes(self: PodiumTask, competition_id: uuid.UUID) -> list[str]:
    """Return the traces that the next flush of a board serves."""
    if not traces.on:
        return []
    with self.unit() as unit:
        return traces_of_marks(unit.session, competition_id, MARKS)


def _verify_one(self: PodiumTask, store: BoardStore, competition_id: uuid.UUID) -> None:
    """Compare one board. It stays due until what was found is mended."""
    try:
        verdict = verify_board(self.unit, store, competition_id)
    except verify.NotComparable:
        return
    if verdict.drift:
        log.error("board.drifted", competition_id=str(competition_id), lines=verdict.drift)
        with self.unit() as unit:
            verify.note_drift(unit.session, verdict)
        rebuild_board(self.unit, store, competition_id, force=True)
    with self.unit() as unit:
        verify.record(unit.session, verdict, clock.now())
        unit.after_commit(lambda: self.doorbell.ring(FLUSH))


def _retire_what_is_over(self: PodiumTask, store: BoardStore) -> None:
    """Let boards expire that came back with an older state of Redis."""
    shown = list(store.shown())
    with self.unit() as unit:
        live = verify.live_among(unit.session, shown)
    for competition_id in set(shown) - live:
        store.retire(competition_id)
