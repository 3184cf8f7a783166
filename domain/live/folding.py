"""Many changes of a board made into few: the last word on each person wins.

Applied to a board at `base`, or at any later state up to `offset`, a fold leads to the board at
`offset`. So a watcher who joins in between needs nothing special.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from domain.leaderboards.board import Entry


@dataclass
class Changes:
    """What happened to the top 100 after `base` and up to `offset`."""

    base: int
    offset: int
    total: int
    told_total: int
    """What watchers at `base` know, -1 when that is not known."""
    rows: dict[str, int] = field(default_factory=dict)
    """Score of each person who changed or entered, by user id."""
    removed: set[str] = field(default_factory=set)
    traces: list[str] = field(default_factory=list)
    """Of the flushes that made it."""

    @classmethod
    def after(cls, offset: int, total: int) -> "Changes":
        """Return the empty fold that begins at a known state."""
        return cls(offset, offset, total, total)

    @property
    def matter(self) -> bool:
        """Whether a watcher would see a difference."""
        return bool(self.rows or self.removed) or self.total != self.told_total

    def add(self, entry: Entry) -> None:
        """Take in the entry that follows."""
        for user_id, score in entry.rows:
            self.rows[user_id] = score
            self.removed.discard(user_id)
        for user_id in entry.removed:
            self.rows.pop(user_id, None)
            self.removed.add(user_id)
        self.offset, self.total = entry.offset, entry.total
        if entry.trace is not None:
            self.traces.append(entry.trace)


@dataclass(frozen=True)
class StatusChange:
    """The competition changed state between `base` and `offset`."""

    base: int
    offset: int
    status: str
    traces: Sequence[str] = ()
    """Of the flush that told it."""


Step = Changes | StatusChange


def fold(begun: Changes, entries: Iterable[Entry]) -> tuple[list[Step], Changes]:
    """Fold entries into `begun`. Returns the steps to send now, and the fold that may wait.

    A fold never reaches across a change of status, which has an entry of its own and does not
    wait. A fold that does not matter is not sent: the step after it begins at its base.
    """
    steps: list[Step] = []
    for entry in entries:
        if entry.status is None:
            begun.add(entry)
            continue
        base = begun.base
        if begun.matter:
            steps.append(begun)
            base = begun.offset
        told_by = () if entry.trace is None else (entry.trace,)
        steps.append(StatusChange(base, entry.offset, entry.status, told_by))
        begun = Changes.after(entry.offset, entry.total)
    return steps, begun
