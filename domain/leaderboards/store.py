"""Changes to the boards in Redis. Each change is one script that checks what it starts from."""

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

from domain.leaderboards.board import TOP, Position
from domain.leaderboards.keys import BELLS, board_key, rebuild_key, state_key, stream_key
from domain.leaderboards.lua import script
from domain.leaderboards.reader import BoardReader
from domain.redis import Redis

STREAM_LENGTH = 1000
"""Steps that a reconnecting watcher can catch up on, at least."""
REBUILD_SECONDS = 300
"""How long an abandoned rebuild's copy stays in Redis."""
PAIRS_AT_ONCE = 1000


class FlushAnswer(NamedTuple):
    """Whether a flush was accepted, and where the board stands now; no epoch without a board."""

    done: bool
    epoch: str | None
    offset: int


class BoardStore(BoardReader):
    """The reader, and what flushes and rebuilds do to the boards."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis)
        self._flush = redis.register_script(script("flush", writes=True))
        self._swap = redis.register_script(script("swap", writes=True))

    def flush(
        self,
        competition_id: uuid.UUID,
        expected: Position,
        status: str,
        changes: Sequence[tuple[str, int | None]],
    ) -> FlushAnswer:
        """Set scores and remove people (score None), if the board stands at `expected`.

        An accepted flush takes the next offset, leaves a step in the stream and rings the bell. A
        new status takes an offset of its own, before the scores.
        """
        scores = [(-score, user_id) for user_id, score in changes if score is not None]
        removed = [user_id for user_id, score in changes if score is None]
        done, epoch, offset = self._flush(
            keys=[
                board_key(competition_id),
                state_key(competition_id),
                stream_key(competition_id),
            ],
            args=[
                str(competition_id),
                BELLS,
                expected.epoch,
                expected.offset,
                status,
                TOP,
                STREAM_LENGTH,
                len(scores),
                *(value for pair in scores for value in pair),
                *removed,
            ],
        )
        return FlushAnswer(bool(done), epoch.decode() if epoch else None, int(offset))

    def epoch_found(self, competition_id: uuid.UUID) -> str | None:
        """Return the epoch that Redis shows, even on a board that is not whole."""
        epoch: Any = self._redis.hget(state_key(competition_id), "epoch")
        return epoch.decode() if epoch else None

    def copy(
        self, competition_id: uuid.UUID, token: uuid.UUID, people: Sequence[tuple[str, int]]
    ) -> None:
        """Add `(user_id, score)` pairs to a rebuild's own copy, which expires if abandoned."""
        key = rebuild_key(competition_id, token)
        with self._redis.pipeline(transaction=False) as pipe:
            for first in range(0, len(people), PAIRS_AT_ONCE):
                pipe.zadd(
                    key, {id_: -score for id_, score in people[first : first + PAIRS_AT_ONCE]}
                )
            pipe.expire(key, REBUILD_SECONDS)
            pipe.execute()

    def swap(
        self,
        competition_id: uuid.UUID,
        token: uuid.UUID,
        found: str | None,
        target: Position,
        status: str,
        total: int,
    ) -> Position | None:
        """Make a rebuild's copy of `total` people the board, under a new epoch.

        `found` is the epoch that was found wanting; None is returned when Redis no longer shows
        it, or when the copy is not whole; the copy is gone either way. The offset is at least that
        of `target`.
        """
        offset = self._swap(
            keys=[
                board_key(competition_id),
                state_key(competition_id),
                stream_key(competition_id),
                rebuild_key(competition_id, token),
            ],
            args=[
                str(competition_id),
                BELLS,
                found or "",
                target.epoch,
                target.offset,
                status,
                total,
            ],
        )
        return Position(target.epoch, int(offset)) if offset else None
