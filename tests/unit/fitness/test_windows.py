"""Windows: aligned, cut into calls and days without losing or doubling a slot."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.fitness.windows import (
    LONGEST_CALL,
    LOOK_BACK,
    QUARTER,
    SLOTS_PER_DAY,
    Window,
    ceil_quarter,
    floor_quarter,
    window_of_pull,
)

NOW = datetime(2026, 11, 22, 16, 7, 31, tzinfo=UTC)
moments = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001  hypothesis wants naive bounds
    max_value=datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
windows = st.builds(
    lambda start, slots: Window(floor_quarter(start), floor_quarter(start) + slots * QUARTER),
    moments,
    st.integers(1, 8000),
)


@given(moments)
def test_alignment_brackets_the_moment(moment: datetime) -> None:
    low, high = floor_quarter(moment), ceil_quarter(moment)
    assert low <= moment <= high
    assert high - low in {timedelta(0), QUARTER}
    assert low.timestamp() % 900 == high.timestamp() % 900 == 0


@given(windows)
def test_calls_cover_the_window_once(window: Window) -> None:
    calls = list(window.calls())
    assert calls[0].start == window.start
    assert calls[-1].end == window.end
    assert all(one.end == after.start for one, after in itertools.pairwise(calls))
    assert all(call.end - call.start <= LONGEST_CALL for call in calls)


@given(windows)
def test_days_cover_every_slot_once(window: Window) -> None:
    expected = window.start
    for day, low, high, index in window.days():
        assert 0 <= low < high <= SLOTS_PER_DAY
        assert window.start + index * QUARTER == expected
        assert expected == datetime(day.year, day.month, day.day, tzinfo=UTC) + low * QUARTER
        expected += (high - low) * QUARTER
    assert expected == window.end


def test_a_pull_goes_back_over_what_may_be_revised() -> None:
    window = window_of_pull(synced_until=NOW - timedelta(hours=1), needed_from=None, now=NOW)
    assert window.start == floor_quarter(NOW - timedelta(hours=1) - LOOK_BACK)
    assert window.end == datetime(2026, 11, 22, 16, 15, tzinfo=UTC)


def test_the_first_pull_goes_back_to_the_start_of_the_competitions() -> None:
    start = NOW - timedelta(days=12)
    assert window_of_pull(synced_until=None, needed_from=start, now=NOW).start == floor_quarter(
        start
    )
    later = window_of_pull(synced_until=NOW, needed_from=start, now=NOW)
    assert later.start == floor_quarter(NOW - LOOK_BACK)


def test_a_cursor_in_the_future_does_not_lose_the_present() -> None:
    window = window_of_pull(synced_until=NOW + timedelta(days=9), needed_from=None, now=NOW)
    assert window.start < NOW <= window.end
