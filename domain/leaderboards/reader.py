"""Views of the boards in Redis. Each view is one script, so it shows one moment."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from domain.leaderboards.board import (
    TOP,
    Entry,
    Head,
    Page,
    Picture,
    Place,
    Position,
    Row,
    ranked,
)
from domain.leaderboards.keys import board_key, state_key, stream_key
from domain.leaderboards.lua import script
from domain.redis import Redis


class Reading(NamedTuple):
    """What one script saw: a page, and for each person asked for their place."""

    page: Page
    places: dict[str, Place | None]


class BoardReader:
    """All boards of one Redis. Raises `redis.RedisError` when it cannot be reached.

    Where a method returns None, Redis has no whole picture of that board: read
    `domain.leaderboards.table` instead until it has been rebuilt.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._read = redis.register_script(script("read", writes=False))

    def read_page(
        self, competition_id: uuid.UUID, start: int, limit: int, caller: str | None = None
    ) -> tuple[Page, Place | None] | None:
        """Return `limit` rows from the zero-based index `start`, and the caller's own place."""
        people = () if caller is None else (caller,)
        reading = self._look(competition_id, "", start, limit, people)
        return None if reading is None else (reading.page, _place_of(reading, caller))

    def read_around(
        self, competition_id: uuid.UUID, user_id: str, limit: int, caller: str | None = None
    ) -> tuple[Page, Place | None] | None:
        """Return the `limit` rows around someone; no rows if they are not on the board."""
        people = () if caller is None else (caller,)
        reading = self._look(competition_id, user_id, 0, limit, people)
        return None if reading is None else (reading.page, _place_of(reading, caller))

    def read_users(
        self, competition_id: uuid.UUID, user_ids: Sequence[str], caller: str | None = None
    ) -> tuple[Page, Place | None] | None:
        """Return the rows of these people only, in board order and with their true ranks."""
        people = list(user_ids) if caller is None else [*user_ids, caller]
        reading = self._look(competition_id, "", 0, 0, people)
        if reading is None:
            return None
        rows = [
            Row(place.rank, user_id, place.score)
            for user_id in set(user_ids)
            if (place := _place_of(reading, user_id))
        ]
        rows.sort(key=lambda row: (row.rank, row.user_id))
        page = reading.page
        shown = Page(page.epoch, page.offset, page.status, page.total, rows)
        return shown, _place_of(reading, caller)

    def read_top_and_places(
        self, competition_id: uuid.UUID, user_ids: Sequence[str]
    ) -> Reading | None:
        """Return the top 100 and the places of some people, all at one position."""
        return self._look(competition_id, "", 0, TOP, user_ids)

    def places(
        self, competition_id: uuid.UUID, user_ids: Sequence[str]
    ) -> tuple[Position, dict[str, Place | None]] | None:
        """Return people's places at one position; None for those who are not on the board."""
        reading = self._look(competition_id, "", 0, 0, user_ids)
        return None if reading is None else (reading.page.position, reading.places)

    def since(self, competition_id: uuid.UUID, epoch: str, offset: int) -> list[Entry] | None:
        """Return every step after `offset`; none when the board has not moved.

        None when that cannot be told without a gap: another epoch, no board, steps trimmed from
        the stream, or an `offset` that the board has not reached.
        """
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hmget(state_key(competition_id), ["epoch", "offset"])
            pipe.xrange(stream_key(competition_id), min=f"{offset + 1}-0", max="+")
            (shown_epoch, shown_offset), steps = pipe.execute()
        if shown_epoch is None or shown_epoch.decode() != epoch:
            return None
        entries = [_entry(step_id, fields) for step_id, fields in steps]
        reached = int(shown_offset)
        whole = [entry.offset for entry in entries] == list(range(offset + 1, reached + 1))
        return entries if whole and offset <= reached else None

    def descends(self, competition_id: uuid.UUID, known: Head) -> bool:
        """Say whether the board, still in the epoch of `known`, has come by it.

        No when its stream does not reach back so far.
        """
        if known.lineage == "":
            return True
        step_id = f"{known.offset}-0"
        steps: Any = self._redis.xrange(stream_key(competition_id), min=step_id, max=step_id)
        return any(fields.get(b"lineage", b"").decode() == known.lineage for _, fields in steps)

    def states(self, competition_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Position | None]:
        """Return where boards stand, in one round trip."""
        pictures = self.pictures(competition_ids)
        return {id_: shown.head.position if shown else None for id_, shown in pictures.items()}

    def pictures(self, competition_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Picture | None]:
        """Return where boards stand and which status they show, in one round trip."""
        ids = list(competition_ids)
        with self._redis.pipeline(transaction=False) as pipe:
            for competition_id in ids:
                # In one script, or a flush in between would look like a lost sorted set.
                self._read(
                    keys=[board_key(competition_id), state_key(competition_id)],
                    args=["", 0, 0],
                    client=pipe,
                )
            answers = pipe.execute() if ids else []
        return {
            id_: Picture(
                Head(answer[0].decode(), int(answer[1]), answer[8].decode()), answer[2].decode()
            )
            if answer
            else None
            for id_, answer in zip(ids, answers, strict=True)
        }

    def _run_read(self, keys: list[str], args: list[Any]) -> Any:
        return self._read(keys=keys, args=args)

    def _look(
        self,
        competition_id: uuid.UUID,
        around: str,
        start: int,
        limit: int,
        people: Sequence[str],
    ) -> Reading | None:
        keys = [board_key(competition_id), state_key(competition_id)]
        answer = self._run_read(keys, [around, start, limit, *people])
        if not answer:
            return None
        epoch, offset, status, total, first, first_rank, flat, places, _ = answer
        pairs = [
            (user_id.decode(), -int(score))
            for user_id, score in zip(flat[::2], flat[1::2], strict=True)
        ]
        return Reading(
            Page(
                epoch.decode(),
                int(offset),
                status.decode(),
                total,
                ranked(pairs, first, first_rank),
            ),
            {id_: _place(place) for id_, place in zip(people, places, strict=True)},
        )


def _place(answer: Sequence[Any] | None) -> Place | None:
    if answer is None:
        return None
    score, rank = -int(answer[0]), answer[1]
    if len(answer) == 2:
        return Place(rank, score, None, None)
    return Place(rank, score, answer[3], -int(answer[2]) - score)


def _place_of(reading: Reading, user_id: str | None) -> Place | None:
    return None if user_id is None else reading.places.get(user_id)


def _entry(step_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    status, trace = fields.get(b"status"), fields.get(b"trace")
    return Entry(
        offset=int(step_id.partition(b"-")[0]),
        rows=[(user_id, score) for user_id, score in orjson.loads(fields[b"rows"])],
        removed=orjson.loads(fields[b"removed"]),
        total=int(fields[b"total"]),
        status=status.decode() if status else None,
        trace=trace.decode() if trace else None,
    )
