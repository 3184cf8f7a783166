"""Spreading: the parts sum to the record, and each is its share."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fitness.spreading import day_number, day_of, spread
from domain.fitness.windows import QUARTER

MIDNIGHT = datetime(2026, 3, 29, tzinfo=UTC)
"""Of a day with a switch to summer time in Europe; slots are UTC and do not notice."""
FIRST = day_number(MIDNIGHT.date()) * 96

MICRO = timedelta(microseconds=1)

moments = st.datetimes(
    datetime(2026, 3, 28),  # noqa: DTZ001  the strategy adds the zone
    datetime(2026, 3, 30),  # noqa: DTZ001
    timezones=st.just(UTC),
)
lengths = st.timedeltas(timedelta(0), timedelta(hours=24))
values = st.integers(0, 2**37)


def start_of(slot: int) -> datetime:
    return MIDNIGHT + (slot - FIRST) * QUARTER


@given(values, moments, lengths)
def test_the_parts_sum_to_the_record_and_none_lies_outside(
    value: int, start: datetime, length: timedelta
) -> None:
    parts = spread(value, start, start + length)
    assert sum(part for _, part in parts) == value
    slots = [slot for slot, _ in parts]
    assert slots == list(range(slots[0], slots[-1] + 1))
    assert start_of(slots[0]) <= start < start_of(slots[0] + 1)
    assert start_of(slots[-1]) < start + length <= start_of(slots[-1] + 1) or not length


@given(values, moments, lengths)
def test_each_part_is_its_share_rounded_up_or_down(
    value: int, start: datetime, length: timedelta
) -> None:
    for slot, part in spread(value, start, start + length):
        overlap = min(start + length, start_of(slot + 1)) - max(start, start_of(slot))
        share = Fraction(value * (overlap // MICRO), length // MICRO) if length else Fraction(value)
        assert abs(part - share) < 1


@given(values, moments, lengths)
def test_a_longer_overlap_never_gets_less(value: int, start: datetime, length: timedelta) -> None:
    parts = spread(value, start, start + length)
    by_overlap = sorted(
        (min(start + length, start_of(slot + 1)) - max(start, start_of(slot)), part)
        for slot, part in parts
    )
    for (shorter, less), (longer, more) in pairwise(by_overlap):
        assert shorter == longer or less <= more


@given(values, moments, st.integers(-96, 96), lengths)
def test_moving_a_record_by_quarters_moves_its_parts(
    value: int, start: datetime, quarters: int, length: timedelta
) -> None:
    moved = start + quarters * QUARTER
    assert spread(value, moved, moved + length) == [
        (slot + quarters, part) for slot, part in spread(value, start, start + length)
    ]


@pytest.mark.parametrize(
    ("value", "start", "minutes", "expected"),
    [
        (10, 0, 15, [10]),
        (10, 0, 0, [10]),
        (10, 14, 0, [10]),
        (10, 0, 30, [5, 5]),
        (11, 0, 30, [6, 5]),
        (1, 5, 20, [1, 0]),
        (100, 10, 30, [17, 50, 33]),
        (0, 10, 30, [0, 0, 0]),
    ],
)
def test_known_cases(value: int, start: int, minutes: int, expected: list[int]) -> None:
    begun = MIDNIGHT + timedelta(minutes=start)
    parts = spread(value, begun, begun + timedelta(minutes=minutes))
    assert parts == [(FIRST + n, part) for n, part in enumerate(expected)]


def test_days_are_numbered_both_ways() -> None:
    assert day_of(day_number(MIDNIGHT.date())) == MIDNIGHT.date()
    assert day_number(datetime.fromtimestamp(0, tz=UTC).date()) == 0
