"""What a body can do, and what it cannot: each rule at its edge."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scoring.plausibility import (
    APART_SLOTS,
    CEILINGS,
    UNIT,
    Doubt,
    SourceSlots,
    judge,
)
from models.flag import FlagReason
from models.slots import Metric, SlotClass
from models.source import SourceKind

SLOTS = 96


def source(
    values: Mapping[int, int],
    key: str = "phone",
    kind: SourceKind = SourceKind.PHONE,
    slot_class: SlotClass = SlotClass.MEASURED,
) -> SourceSlots:
    """Return a day with some slots, in thousandths, and none fetched after them."""
    last = max(values, default=-1)
    slots = [values.get(number, 0) if number <= last else None for number in range(SLOTS)]
    return SourceSlots(key, kind, slot_class, slots)


def watch(key: str, values: Mapping[int, int]) -> SourceSlots:
    in_thousandths = {number: value * UNIT for number, value in values.items()}
    return source(in_thousandths, key, SourceKind.WATCH)


def judged(metric: Metric, *sources: SourceSlots) -> list[Doubt]:
    return list(judge(metric, sources))


@pytest.mark.parametrize("metric", list(Metric))
def test_a_slot_may_hold_the_ceiling_and_no_more(metric: Metric) -> None:
    ceiling = CEILINGS[metric].slot
    assert judged(metric, source({40: ceiling})) == []
    (doubt,) = judged(metric, source({39: ceiling, 40: ceiling + 1}))
    assert doubt.slots == {40: ceiling + 1}
    assert doubt.evidence == {
        "quarter_hour_ceiling": ceiling / UNIT,
        "highest": (ceiling + 1) / UNIT,
    }
    twice = metric is Metric.ACTIVE_MINUTES
    assert doubt.reason is (
        FlagReason.IMPOSSIBLE_OVERLAP if twice else FlagReason.OVER_MINUTE_CEILING
    )


@pytest.mark.parametrize("metric", list(Metric))
def test_a_day_may_hold_the_ceiling_and_no_more(metric: Metric) -> None:
    ceiling = CEILINGS[metric]
    number, rest = divmod(ceiling.day, ceiling.slot)
    full = dict.fromkeys(range(number), ceiling.slot)
    assert judged(metric, source({**full, number: rest} if rest else full)) == []
    over = {**full, number: rest + 1}
    (doubt,) = judged(metric, source(over))
    assert (doubt.reason, doubt.slots) == (FlagReason.OVER_DAY_CEILING, over)
    assert doubt.evidence["total"] == (ceiling.day + 1) / UNIT


def test_a_glitch_does_not_take_the_day_with_it() -> None:
    (doubt,) = judged(Metric.STEPS, source({3: 2_000_000_000, 40: 1_000_000}))
    assert (doubt.reason, set(doubt.slots)) == (FlagReason.OVER_MINUTE_CEILING, {3})


def test_a_day_of_minutes_is_all_of_them() -> None:
    day = dict.fromkeys(range(SLOTS), 15 * UNIT)
    assert judged(Metric.ACTIVE_MINUTES, source(day)) == []


WALK = dict.fromkeys(range(30, 30 + APART_SLOTS), 100)
RUN = dict.fromkeys(range(30, 30 + APART_SLOTS), 1700)


def test_two_watches_on_one_body_agree() -> None:
    (doubt,) = judged(Metric.STEPS, watch("left", WALK), watch("right", RUN))
    assert (doubt.source, doubt.reason) == ("right", FlagReason.IMPOSSIBLE_OVERLAP)
    assert doubt.slots == {number: value * UNIT for number, value in RUN.items()}
    assert doubt.evidence == {"highest": 1700.0, "other_source": "left"}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (WALK, dict.fromkeys(RUN, 1599)),
        (dict.fromkeys(RUN, 600), RUN),
        (dict.fromkeys(RUN, 49), RUN),
        (WALK, {number: value for number, value in RUN.items() if number > 30}),
    ],
    ids=["not far apart", "less than three times", "on the table", "less than an hour"],
)
def test_watches_may_differ_a_little(left: Mapping[int, int], right: Mapping[int, int]) -> None:
    assert judged(Metric.STEPS, watch("left", left), watch("right", right)) == []


def test_a_phone_may_lie_about() -> None:
    walk = {number: value * UNIT for number, value in WALK.items()}
    assert judged(Metric.STEPS, source(walk), watch("right", RUN)) == []


slots = st.dictionaries(st.integers(0, SLOTS - 1), st.integers(1, 2**31 - 1), max_size=SLOTS)
kinds = st.sampled_from([SourceKind.WATCH, SourceKind.BAND, SourceKind.PHONE])


@given(
    metric=st.sampled_from(list(Metric)),
    day=st.lists(st.tuples(slots, kinds), max_size=4),
    data=st.data(),
)
def test_doubts_name_what_is_there_whatever_the_order(
    metric: Metric, day: list[tuple[dict[int, int], SourceKind]], data: st.DataObject
) -> None:
    sources = [source(values, f"{n}", kind) for n, (values, kind) in enumerate(day)]
    doubts = judged(metric, *sources)
    shuffled = data.draw(st.permutations(sources))
    assert sorted(doubts) == sorted(judged(metric, *shuffled))
    for doubt in doubts:
        values, _ = day[int(doubt.source)]
        assert doubt.slots
        assert doubt.slots.items() <= values.items()


@given(metric=st.sampled_from(list(Metric)), data=st.data())
def test_what_is_over_a_ceiling_is_found(metric: Metric, data: st.DataObject) -> None:
    ceiling = CEILINGS[metric]
    values = data.draw(
        st.dictionaries(st.integers(0, 95), st.integers(1, 2 * ceiling.slot), max_size=96)
    )
    doubted: dict[int, int] = {}
    for doubt in judged(metric, source(values)):
        doubted |= doubt.slots
    left = {number: value for number, value in values.items() if number not in doubted}
    assert all(value <= ceiling.slot for value in left.values())
    assert sum(left.values()) <= ceiling.day
