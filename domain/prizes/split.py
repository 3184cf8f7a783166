"""The split of a pool: a pure function of the plan and of how many people share each score.

Places are positions in the board's order. People with equal scores pool the places that they cover
and share them equally; what does not divide goes out in single units, in the board's order. So
nobody with a better score gets less, and equal scores differ by one minor unit at most.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat

from models.prize import SplitKind

WHOLE = 100
"""Percent."""


@dataclass(frozen=True)
class Plan:
    """What a competition promises."""

    currency: str
    """ISO 4217."""
    pool: int
    """Minor units."""
    split: SplitKind
    places: tuple[int, ...] | None
    """Percent or minor units of each place from the first on, never rising; None if equal."""
    auto_distribute: bool

    @property
    def prizes(self) -> tuple[int, ...]:
        """What each paid place gets, in minor units; what a percentage leaves over is not paid."""
        if self.split is SplitKind.PERCENT:
            return tuple(self.pool * share // WHOLE for share in self.places or ())
        return self.places or ()


@dataclass(frozen=True)
class Tie:
    """People who share a score."""

    score: int
    count: int


@dataclass(frozen=True)
class Pot:
    """Money that people who follow each other on the board share."""

    count: int
    amount: int


@dataclass(frozen=True)
class Run:
    """Places that follow each other and get the same."""

    first: int
    last: int
    """Counted from 1, both included."""
    amount: int
    """Minor units for each, above 0."""


@dataclass(frozen=True)
class Split:
    """A pool shared out."""

    pool: int
    pots: tuple[Pot, ...]
    """In the board's order, from the first place on."""

    @property
    def total(self) -> int:
        """What all winners get together."""
        return sum(pot.amount for pot in self.pots)

    @property
    def remainder(self) -> int:
        """What goes back to the funding account."""
        return self.pool - self.total

    @property
    def winners(self) -> int:
        """How many places, from the first one on, get something."""
        return sum(min(pot.count, pot.amount) for pot in self.pots)

    def runs(self) -> Iterator[Run]:
        """Yield what each place gets, in the board's order, but for those that get nothing."""
        first = 1
        for pot in self.pots:
            each, odd = divmod(pot.amount, pot.count)
            if odd:
                yield Run(first, first + odd - 1, each + 1)
            if each:
                yield Run(first + odd, first + pot.count - 1, each)
            first += pot.count

    def page(self, after: int, rows: int) -> list[Run]:
        """Return what the places get that follow so many, at most `rows` of them."""
        last = after + rows
        return [
            Run(max(run.first, after + 1), min(run.last, last), run.amount)
            for run in self.runs()
            if run.first <= last and run.last > after
        ]

    def amounts(self) -> Iterator[int]:
        """Yield what each winner gets, in the board's order."""
        for run in self.runs():
            yield from repeat(run.amount, run.last - run.first + 1)


def least_of(min_score: int | None) -> int:
    """Return the least score that wins anything."""
    return max(1, min_score or 0)


def split(plan: Plan, ties: Iterable[Tie], min_score: int | None) -> Split:
    """Share a plan's pool among people whose scores are given from the highest on."""
    least = least_of(min_score)
    winning = [tie for tie in ties if tie.score >= least]
    if plan.split is SplitKind.EQUAL:
        count = sum(tie.count for tie in winning)
        return Split(plan.pool, (Pot(count, plan.pool),) if count else ())
    pots, prizes, first = [], plan.prizes, 0
    for tie in winning:
        if first >= len(prizes):
            break
        pots.append(Pot(tie.count, sum(prizes[first : first + tie.count])))
        first += tie.count
    return Split(plan.pool, tuple(pots))
