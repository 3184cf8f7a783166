"""Where each followed board stands, as this process last heard it."""

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from redis.exceptions import RedisError

from domain.leaderboards.board import Position
from domain.leaderboards.keys import BELLS
from domain.leaderboards.reader import BoardReader
from web.live.bells import Bells, Ear

log = structlog.get_logger(__name__)

FOLLOW_S = 60.0
"""A board is forgotten when nobody has asked for it for this long."""

POLL_S = 1.0
"""How often Redis is asked where the followed boards stand; heals a lost bell."""

Moved = Callable[[uuid.UUID, Position | None], None]


@dataclass
class _Followed:
    position: Position | None
    until: float
    bells: int = 0
    """Heard so far. A poll that a bell overtook says nothing new."""
    left: str | None = None
    """The epoch before the present one."""

    def is_late(self, told: Position) -> bool:
        """Say whether a bell was overtaken by a poll, or by a bell of the next epoch.

        Within an epoch offsets rise. That an older state came back, only a poll can tell.
        """
        if self.position is None:
            return False
        if told.epoch == self.position.epoch:
            return told.offset < self.position.offset
        return told.epoch == self.left


class Positions:
    """Follows boards by their bells and a poll. One per process; any thread may call it."""

    def __init__(self, bells: Bells, boards: BoardReader) -> None:
        self._bells = bells
        self._reader = boards
        self._boards: dict[uuid.UUID, _Followed] = {}
        self._moved: list[Moved] = []
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        bells.listen(BELLS, Ear(self._heard, lambda: None))

    def on_moved(self, moved: Moved) -> None:
        """Call `moved` when a followed board's position has changed. It must be quick."""
        self._moved.append(moved)

    def follow(self, competition_id: uuid.UUID) -> None:
        """Keep the board's position known for the next minute.

        The first call asks Redis; when Redis does not answer, the position stays unknown.
        """
        until = time.monotonic() + FOLLOW_S
        followed = self._boards.get(competition_id)
        if followed is not None:
            followed.until = until
            return
        self._start()
        self._boards[competition_id] = _Followed(None, until)
        self._poll([competition_id])

    def current(self, competition_id: uuid.UUID) -> Position | None:
        """Return where the board stands, or None when Redis has no such board or is away."""
        followed = self._boards.get(competition_id)
        return None if followed is None else followed.position

    def stop(self) -> None:
        """Follow nothing any more; returns when the thread has ended."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._bells.start()
                self._thread = threading.Thread(target=self._run, name="positions", daemon=True)
                self._thread.start()

    def _heard(self, payload: bytes) -> None:
        board, epoch, offset = payload.decode().split(" ")
        followed, told = self._boards.get(uuid.UUID(board)), Position(epoch, int(offset))
        if followed is not None and not followed.is_late(told):
            followed.bells += 1
            self._move(uuid.UUID(board), followed, told)

    def _run(self) -> None:
        while not self._stopping.wait(POLL_S):
            now = time.monotonic()
            for competition_id, followed in list(self._boards.items()):
                if followed.until < now:
                    del self._boards[competition_id]
            self._poll(list(self._boards))

    def _poll(self, competition_ids: list[uuid.UUID]) -> None:
        bells = {id_: self._boards[id_].bells for id_ in competition_ids}
        if not bells:
            return
        try:
            states = self._reader.states(competition_ids)
        except (RedisError, OSError) as error:
            log.warning("positions.unknown", error=str(error))
            states = {}
        for competition_id, before in bells.items():
            followed = self._boards.get(competition_id)
            if followed is not None and followed.bells == before:
                self._move(competition_id, followed, states.get(competition_id))

    def _move(self, competition_id: uuid.UUID, to: _Followed, position: Position | None) -> None:
        if to.position == position:
            return
        if position is not None and to.position is not None and to.position.epoch != position.epoch:
            to.left = to.position.epoch
        to.position = position
        for moved in self._moved:
            moved(competition_id, position)


def resume_from(epoch: str | None, offset: str | None) -> Position | None:
    """Return what a client says that it has; None for what is no position."""
    if not epoch or not offset or not offset.isascii() or not offset.isdigit():
        return None
    return Position(epoch, int(offset)) if len(offset) <= 16 and int(offset) < 2**53 else None
