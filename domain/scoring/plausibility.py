"""What a body can do. Data beyond that is doubted, which bans nobody: an organiser is asked.

Each rule judges one person's UTC day of one metric as its sources tell it, by the stored slots
alone, so the same data always raises the same doubts, in whatever order it arrived.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from models.flag import FlagReason
from models.slots import Metric, SlotClass
from models.source import SourceKind

SLOT_MINUTES = 15
UNIT = 1000
"""Stored values are in 1/1000 of a unit."""

Evidence = dict[str, float | str]
DoubtedSlots = dict[int, int]
"""By number, from 0 at midnight UTC, what a doubted slot holds, in 1/1000 of the unit."""


@dataclass(frozen=True)
class Ceiling:
    """The most that is believed without a question, in 1/1000 of the metric's unit."""

    slot: int
    day: int


CEILINGS: Mapping[Metric, Ceiling] = {
    Metric.STEPS: Ceiling(slot=240 * SLOT_MINUTES * UNIT, day=144_000 * UNIT),
    Metric.DISTANCE: Ceiling(slot=1000 * SLOT_MINUTES * UNIT, day=500_000 * UNIT),
    Metric.CALORIES: Ceiling(slot=40 * SLOT_MINUTES * UNIT, day=20_000 * UNIT),
    Metric.ACTIVE_MINUTES: Ceiling(slot=(SLOT_MINUTES + 1) * UNIT, day=1440 * UNIT),
    Metric.HEART_POINTS: Ceiling(slot=2 * (SLOT_MINUTES + 1) * UNIT, day=2 * 1440 * UNIT),
}
"""Per minute, over a whole quarter hour, and per UTC day.

Steps: 240 a minute; the highest mean of a runner at the 100 km world championships was 203 (Burns
et al. 2018, doi 10.1152/japplphysiol.00374.2018). 144,000 a day are 100 a minute, a brisk walk
(Tudor-Locke et al. 2018, doi 10.1136/bjsports-2017-097628), for 24 hours.
Distance, which cycling is part of: 1 km a minute; the hour record is 56.792 km (Ganna 2022). Half
of what the best have ridden in 24 hours, and far more than anybody has run (319.6 km, Sorokin
2022).
Calories: 40 kcal a minute are 8 litres of oxygen, more than any athlete is known to take in. 20,000
a day are three times what a week on a treadmill took daily (6,878; Berger et al. 2020, doi
10.3390/ijerph17165962).
Active minutes: as many as there are. Heart points: two a minute, the most that is given. A minute
more is forgiven in a slot, for each record is rounded.
"""

WORN_ON_THE_WRIST = frozenset({SourceKind.WATCH, SourceKind.BAND})
MOVING = 50 * UNIT
"""Steps in a slot, from which on a device was on someone."""
APART = 100 * SLOT_MINUTES * UNIT
"""Steps: one device saw a brisk walk more than the other."""
TIMES = 3
APART_SLOTS = 4
"""An hour of it: neither a change of watches nor a hand on a pram."""


@dataclass(frozen=True, slots=True)
class SourceSlots:
    """One source's slots of the day that is judged."""

    source: str
    kind: SourceKind
    slot_class: SlotClass
    slots: Sequence[int | None]


class Doubt(NamedTuple):
    """Slots of one source that are not believed, and the numbers that say so, in the unit."""

    source: str
    slot_class: SlotClass
    reason: FlagReason
    slots: DoubtedSlots
    evidence: Evidence
    other_person_id: int | None = None


def judge(metric: Metric, day: Sequence[SourceSlots]) -> Iterator[Doubt]:
    """Yield what cannot be, by each rule, in one person's UTC day of one metric."""
    for one in day:
        yield from _over_slot_ceiling(metric, one)
        yield from _over_day_ceiling(metric, one)
    if metric is Metric.STEPS:
        yield from _two_wrists(day)


def _over_slot_ceiling(metric: Metric, one: SourceSlots) -> Iterator[Doubt]:
    """Doubt each slot over the ceiling.

    More active minutes than minutes are no feat but time that was counted twice.
    """
    ceiling = CEILINGS[metric].slot
    over = {number: value for number, value in _held(one) if value > ceiling}
    if not over:
        return
    twice = metric is Metric.ACTIVE_MINUTES
    reason = FlagReason.IMPOSSIBLE_OVERLAP if twice else FlagReason.OVER_MINUTE_CEILING
    evidence: Evidence = {
        "quarter_hour_ceiling": ceiling / UNIT,
        "highest": max(over.values()) / UNIT,
    }
    yield Doubt(one.source, one.slot_class, reason, over, evidence)


def _over_day_ceiling(metric: Metric, one: SourceSlots) -> Iterator[Doubt]:
    """Doubt the whole day when its believable slots come to more than a day can hold.

    Slots over their own ceiling are left out, so that one glitch does not take the day with it.
    """
    ceiling = CEILINGS[metric]
    held = {number: value for number, value in _held(one) if value <= ceiling.slot}
    if (total := sum(held.values())) > ceiling.day:
        evidence: Evidence = {"day_ceiling": ceiling.day / UNIT, "total": total / UNIT}
        yield Doubt(one.source, one.slot_class, FlagReason.OVER_DAY_CEILING, held, evidence)


def _two_wrists(day: Sequence[SourceSlots]) -> Iterator[Doubt]:
    """Doubt a watch that runs while another one of the same person walks.

    Phones lie about, but what is worn on one body, and moves, counts much the same steps. Where two
    are far apart for an hour or more, one is on somebody else; the higher one is doubted, so the
    lower counts until the organiser has answered.
    """
    worn = sorted(
        (
            one
            for one in day
            if one.kind in WORN_ON_THE_WRIST and one.slot_class is SlotClass.MEASURED
        ),
        key=lambda one: one.source,
    )
    higher: dict[str, DoubtedSlots] = {}
    lower: dict[str, str] = {}
    for pair in combinations(worn, 2):
        apart = list(_apart(*pair))
        if len(apart) < APART_SLOTS:
            continue
        for number, high, low, value in apart:
            higher.setdefault(high, {})[number] = value
            lower.setdefault(high, low)
    for source, slots in higher.items():
        evidence: Evidence = {"highest": max(slots.values()) / UNIT, "other_source": lower[source]}
        yield Doubt(source, SlotClass.MEASURED, FlagReason.IMPOSSIBLE_OVERLAP, slots, evidence)


def _apart(one: SourceSlots, other: SourceSlots) -> Iterator[tuple[int, str, str, int]]:
    """Yield the slots in which two devices differ beyond belief: number, higher, lower, value."""
    for number, values in enumerate(zip(one.slots, other.slots, strict=True)):
        here, there = values[0] or 0, values[1] or 0
        high, low = max(here, there), min(here, there)
        if low >= MOVING and high >= TIMES * low and high - low >= APART:
            sources = (one.source, other.source) if here > there else (other.source, one.source)
            yield number, *sources, high


def _held(one: SourceSlots) -> Iterator[tuple[int, int]]:
    return ((number, value) for number, value in enumerate(one.slots) if value)
