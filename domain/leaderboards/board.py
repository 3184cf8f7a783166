"""What a board shows, wherever it was read from, and the one rank rule.

A person's rank is the number of people with a strictly better score, plus one. Equal scores stand
in ascending order of the lower-case user id. SQL, Redis and clients all keep to that.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from models.competition import CompetitionStatus

TOP = 100
"""Rows that watchers are kept up to date about."""

FINISHED = (CompetitionStatus.FINAL, CompetitionStatus.CANCELLED)
"""Competitions whose boards leave Redis, since nothing moves them any more."""


class Position(NamedTuple):
    """A point in a board's history: offsets only compare within one epoch."""

    epoch: str
    offset: int


class Head(NamedTuple):
    """A position and the flush that led to it, as compare-and-set wants it.

    Two histories may reach the same position when Redis is set back and a flusher of that time
    wakes up; never with the same lineage. It is empty where an epoch begins.
    """

    epoch: str
    offset: int
    lineage: str = ""

    @property
    def position(self) -> Position:
        """What readers know of it."""
        return Position(self.epoch, self.offset)


class Row(NamedTuple):
    """One person's line. `score` is in whole units of the metric."""

    rank: int
    user_id: str
    score: int


class Place(NamedTuple):
    """One person's place, and how far the next better one is; None for the first."""

    rank: int
    score: int
    next_rank: int | None
    next_gap: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """Consecutive rows of a board and where the board stood when they were read."""

    epoch: str
    offset: int
    status: str
    total: int
    rows: list[Row]

    @property
    def position(self) -> Position:
        """Where the board stood."""
        return Position(self.epoch, self.offset)


class Picture(NamedTuple):
    """Where the copy in Redis stands and which status it shows."""

    head: Head
    status: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of a board's stream: what led from `offset - 1` to `offset`."""

    offset: int
    rows: list[tuple[str, int]]
    """User id and score of those who changed within the top or entered it."""
    removed: list[str]
    """User ids that left the top."""
    total: int
    status: str | None
    """The new status, if it changed."""
    trace: str | None = None
    """The traceparent of the flush."""


def ranked(pairs: Iterable[tuple[str, int]], start: int, first_rank: int) -> list[Row]:
    """Rank consecutive `(user_id, score)` pairs in board order.

    `start` is the zero-based index of the first one and `first_rank` its rank, which is lower than
    its index says when it shares its score with people before it.
    """
    rows: list[Row] = []
    rank, last = first_rank, None
    for index, (user_id, score) in enumerate(pairs, start):
        if last is not None and score != last:
            rank = index + 1
        rows.append(Row(rank, user_id, score))
        last = score
    return rows
