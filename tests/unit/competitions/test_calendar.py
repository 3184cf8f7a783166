"""Local days: half-open, without gap, right when clocks change and dates are skipped."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.competitions.calendar import days_of, end_of_same_length

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Santiago",
    "Pacific/Chatham",
]
starts = st.integers(0, 4 * 365 * 96).map(
    lambda quarters: datetime(2024, 1, 1, tzinfo=UTC) + quarters * timedelta(minutes=15)
)


@given(starts, st.integers(1, 40 * 96), st.sampled_from(ZONES))
def test_days_cover_the_stretch_without_gap(start: datetime, quarters: int, name: str) -> None:
    end = start + quarters * timedelta(minutes=15)
    days = list(days_of(start, end, name))
    assert days[0].start == start
    assert days[-1].end == end
    assert all(one.end == after.start for one, after in itertools.pairwise(days))
    zone = ZoneInfo(name)
    for day in days:
        assert day.start.astimezone(zone).date() == day.day
        assert (day.end - timedelta(microseconds=1)).astimezone(zone).date() == day.day
        assert day.start.timestamp() % 900 == 0


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Africa/Cairo", date(2026, 4, 24), 23),  # midnight itself does not exist
        ("Asia/Kathmandu", date(2026, 4, 5), 24),
    ],
)
def test_days_of_other_lengths(zone: str, day: date, hours: float) -> None:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    days = days_of(noon - timedelta(days=2), noon + timedelta(days=2), zone)
    (found,) = [one for one in days if one.day == day]
    assert (found.end - found.start) / timedelta(hours=1) == hours


def test_a_skipped_date_does_not_appear() -> None:
    start = datetime(2011, 12, 29, tzinfo=UTC)
    days = [one.day for one in days_of(start, start + timedelta(days=3), "Pacific/Apia")]
    assert date(2011, 12, 30) not in days
    assert [date(2011, 12, 29), date(2011, 12, 31)] == days[1:3]


@given(starts, st.integers(1, 40 * 96), st.sampled_from(ZONES), starts)
def test_a_copy_is_as_long_on_the_wall_clock(
    start: datetime, quarters: int, name: str, new: datetime
) -> None:
    zone = ZoneInfo(name)
    end = start + quarters * timedelta(minutes=15)
    same = end_of_same_length(start, end, name, new)
    assert same > new
    assert same.timestamp() % 900 == 0
    if quarters < 96:
        assert same - new == end - start
        return
    old_start, old_end, new_start, new_end = (
        moment.astimezone(zone).replace(tzinfo=None) for moment in (start, end, new, same)
    )
    # Wall clocks skip up to an hour, and what would end in there ends after it.
    skipped = (new_end - new_start) - (old_end - old_start)
    assert timedelta(0) <= skipped <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("new", "end"),
    [
        ("2027-03-08T23:00:00Z", "2027-03-15T23:00:00Z"),
        ("2027-03-22T23:00:00Z", "2027-03-29T22:00:00Z"),
        ("2027-10-25T22:00:00Z", "2027-11-01T23:00:00Z"),
    ],
)
def test_midnight_to_midnight_stays_so_when_berlin_changes_its_clock(new: str, end: str) -> None:
    start = datetime(2027, 2, 28, 23, tzinfo=UTC)
    week = timedelta(days=7)
    found = end_of_same_length(start, start + week, "Europe/Berlin", datetime.fromisoformat(new))
    assert found == datetime.fromisoformat(end)
