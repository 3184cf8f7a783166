"""A board as frames: what is read of it, encoded once for all watchers."""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from domain.leaderboards.board import Page, Place, Position
from domain.leaderboards.reader import BoardReader, Reading
from domain.live import composing
from domain.live.folding import Changes, StatusChange, Step, fold
from web.live.frames import Frame

NamesOf = Callable[[Collection[str]], Mapping[str, str]]
"""Finds display names by user id."""

FinishedBoard = Callable[[uuid.UUID, Sequence[str]], Reading | None]
"""Finds in PostgreSQL what Redis need not have: finished boards, with people's places."""


@dataclass(frozen=True)
class Top:
    """A board's first page and some people's places, at one moment."""

    page: Page
    head: bytes
    """The encoded snapshot, still without anyone's own place."""
    places: Mapping[str, Place | None]


class Back(NamedTuple):
    """What those who come back need; a position that is absent can only get a snapshot."""

    missed: Mapping[Position, list[Frame]]
    places: Mapping[str, Place | None]


class Feed:
    """Reads one board. Raises `redis.RedisError`; None means that Redis cannot tell."""

    def __init__(
        self,
        competition_id: uuid.UUID,
        boards: BoardReader,
        finished: FinishedBoard,
        names_of: NamesOf,
    ) -> None:
        self._id = competition_id
        self._boards = boards
        self._finished = finished
        self._names_of = names_of

    def top(self, user_ids: Sequence[str]) -> Top | None:
        """Return the state of the board, and these people's places at that moment."""
        reading = self._boards.read_top_and_places(self._id, user_ids)
        if reading is None:
            reading = self._finished(self._id, user_ids)
        if reading is None:
            return None
        names = self._names_of([row.user_id for row in reading.page.rows])
        head = composing.snapshot(self._id, reading.page, names)
        return Top(reading.page, orjson.dumps(head), reading.places)

    def places(self, user_ids: Sequence[str]) -> tuple[Position, dict[str, Place | None]] | None:
        """Return people's places and where the board stood then."""
        return self._boards.places(self._id, user_ids)

    def steps(self, epoch: str, begun: Changes) -> tuple[list[Frame], Changes] | None:
        """Return what is to be sent now of what followed `begun`, and the fold that may wait."""
        entries = self._boards.since(self._id, epoch, begun.offset)
        if entries is None:
            return None
        steps, waits = fold(begun, entries)
        return self.encode(epoch, steps), waits

    def back(self, epoch: str, returning: Sequence[tuple[str, Position]]) -> Back:
        """Return what people missed who say where they were; only whole gaps of this epoch."""
        here = [(user_id, have) for user_id, have in returning if have.epoch == epoch]
        # Places first: what is told before them must not be older.
        found = self.places(list({user_id for user_id, _ in here})) if here else None
        if found is None:
            return Back({}, {})
        missed = {have: self._missed(have) for have in {have for _, have in here}}
        return Back(
            {have: frames for have, frames in missed.items() if frames is not None}, found[1]
        )

    def _missed(self, have: Position) -> list[Frame] | None:
        unknown = Changes(have.offset, have.offset, total=-1, told_total=-1)
        found = self.steps(have.epoch, unknown)
        if found is None:
            return None
        frames, rest = found
        return [*frames, *self.encode(have.epoch, [rest] if rest.matter else [])]

    def encode(self, epoch: str, steps: Iterable[Step]) -> list[Frame]:
        """Encode steps for everyone who is at the base of the first."""
        shown = list(steps)
        changes = [step for step in shown if isinstance(step, Changes)]
        names = self._names_of({user_id for step in changes for user_id in step.rows})
        frames = []
        for step in shown:
            if isinstance(step, Changes):
                message: Mapping[str, object] = composing.update(epoch, step, names)
            elif isinstance(step, StatusChange):
                message = composing.status(epoch, step)
            frames.append(Frame(orjson.dumps(message), epoch, step.offset, step.traces))
        return frames
