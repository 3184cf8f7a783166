"""Changes to the boards in Redis. Each change is one script that checks what it starts from."""

import secrets
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from domain.leaderboards.board import FINISHED, TOP, Head, Position
from domain.leaderboards.keys import (
    BELLS,
    board_key,
    rebuild_key,
    state_key,
    state_key_parts,
    stream_key,
)
from domain.leaderboards.lua import script
from domain.leaderboards.reader import BoardReader
from domain.redis import Redis

STREAM_LENGTH = 1000
"""Steps that a reconnecting watcher can catch up on, at least."""
FINISHED_SECONDS = 3600
"""How long the board of a finished competition stays, for those who watch its end."""
REBUILD_SECONDS = 300
"""How long an abandoned rebuild's copy stays in Redis."""
MEMBERS_AT_ONCE = 1000
WORDS_AT_ONCE = 2000
"""A thousand lines."""


def _untraced() -> None:
    """Nobody follows traces."""


class FlushAnswer(NamedTuple):
    """Whether a flush was accepted, and where the board stands now; None without a board."""

    done: bool
    head: Head | None


class BoardStore(BoardReader):
    """The reader, and what flushes and rebuilds do to the boards.

    `trace_here` names the trace that a flush is part of, for those who read its steps.
    """

    def __init__(self, redis: Redis, trace_here: Callable[[], str | None] = _untraced) -> None:
        super().__init__(redis)
        self._trace_here = trace_here
        self._flush = redis.register_script(script("flush", writes=True))
        self._swap = redis.register_script(script("swap", writes=True))

    def flush(
        self,
        competition_id: uuid.UUID,
        expected: Head,
        status: str,
        changes: Sequence[tuple[str, int | None]],
    ) -> FlushAnswer:
        """Set scores and remove people (score None), if the board stands at `expected`.

        An accepted flush takes the next offset, leaves a step in the stream and rings the bell. A
        new status takes an offset of its own, before the scores. A board that is flushed when its
        competition is finished expires.
        """
        scores = [(-score, user_id) for user_id, score in changes if score is not None]
        removed = [user_id for user_id, score in changes if score is None]
        done, epoch, offset, lineage = self._flush(
            keys=_keys(competition_id),
            args=[
                str(competition_id),
                BELLS,
                *expected,
                secrets.token_hex(6),
                status,
                FINISHED_SECONDS if status in FINISHED else 0,
                TOP,
                STREAM_LENGTH,
                self._trace_here() or "",
                len(scores),
                *(value for pair in scores for value in pair),
                *removed,
            ],
        )
        head = Head(epoch.decode(), int(offset), lineage.decode()) if epoch else None
        return FlushAnswer(bool(done), head)

    def scores(self, competition_id: uuid.UUID, user_ids: Sequence[str]) -> dict[str, int | None]:
        """Return the scores shown, whether the picture is whole or not; None for the absent."""
        if not user_ids:
            return {}
        shown: Any = self._redis.zmscore(board_key(competition_id), list(user_ids))
        return {
            user_id: None if score is None else -int(score)
            for user_id, score in zip(user_ids, shown, strict=True)
        }

    def members(self, competition_id: uuid.UUID) -> Iterator[list[str]]:
        """Yield all user ids shown in pages; one that stays throughout is yielded at least once."""
        cursor = -1
        while cursor:
            page: Any = self._redis.zscan(
                board_key(competition_id), max(cursor, 0), count=MEMBERS_AT_ONCE
            )
            cursor, pairs = page
            yield [user_id.decode() for user_id, _ in pairs]

    def shown(self) -> Iterator[uuid.UUID]:
        """Yield the competitions of all boards that Redis has."""
        before, after = state_key_parts()
        for key in self._redis.scan_iter(f"{before}*{after}", count=MEMBERS_AT_ONCE):
            yield uuid.UUID(key.decode().removeprefix(before).removesuffix(after))

    def retire(self, competition_id: uuid.UUID) -> None:
        """Let a board expire that is not live any more, unless it does already."""
        with self._redis.pipeline(transaction=True) as pipe:
            for key in _keys(competition_id):
                pipe.expire(key, FINISHED_SECONDS, nx=True)
            pipe.execute()

    def drop(self, competition_id: uuid.UUID) -> None:
        """Forget a board that is not to be shown from here any more."""
        self._redis.unlink(*_keys(competition_id))

    def epoch_found(self, competition_id: uuid.UUID) -> str | None:
        """Return the epoch that Redis shows, even on a board that is not whole."""
        epoch: Any = self._redis.hget(state_key(competition_id), "epoch")
        return epoch.decode() if epoch else None

    def copy(self, competition_id: uuid.UUID, token: uuid.UUID, lines: Sequence[str]) -> None:
        """Add lines to a rebuild's own copy, which expires if abandoned.

        Each line is two words, the negated score and the user id, as ZADD takes them.
        """
        key = rebuild_key(competition_id, token)
        with self._redis.pipeline(transaction=False) as pipe:
            for first in range(0, len(lines), WORDS_AT_ONCE):
                pipe.execute_command(  # type: ignore[no-untyped-call]  # redis-py's
                    "ZADD", key, *lines[first : first + WORDS_AT_ONCE]
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
            keys=[*_keys(competition_id), rebuild_key(competition_id, token)],
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


def _keys(competition_id: uuid.UUID) -> list[str]:
    return [board_key(competition_id), state_key(competition_id), stream_key(competition_id)]
