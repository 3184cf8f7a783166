"""The split of a pool: a pure function of the plan and of how many people share each score.

Places are positions in the board's order. People with equal scores pool the places that they cover
and share them equally; what does not divide goes out in single units, in the board's order. So
nobody with a better score gets less, and equal scores differ by one minor unit at most.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

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

    def shares(self, after: int = 0) -> Iterator[int]:
        """Yield what each gets, in the board's order, from the one after so many on."""
        each, odd = divmod(self.amount, self.count)
        for place in range(after, self.count):
            yield each + (place < odd)


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

    def amounts(self, after: int = 0) -> Iterator[int]:
        """Yield what each winner gets, in the board's order, from the one after so many on."""
        for pot in self.pots:
            yield from (share for share in pot.shares(min(after, pot.count)) if share)
            after = max(after - pot.count, 0)


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
