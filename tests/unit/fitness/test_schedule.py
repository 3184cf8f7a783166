"""When people are pulled without asking."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.fitness.schedule import AFTERMATH, HURRIED, LAST_HOURS, ORDINARY, Promise, next_pull

START = datetime(2026, 3, 2, tzinfo=UTC)
END = START + timedelta(days=7)
CUT_OFF = END + timedelta(hours=24)
WEEK = Promise(START, END, CUT_OFF)

moments = st.datetimes(
    START.replace(tzinfo=None) - timedelta(days=2), CUT_OFF.replace(tzinfo=None)
).map(lambda moment: moment.replace(tzinfo=UTC))
people = st.integers(1, 10**9)


@st.composite
def promises(draw: st.DrawFn) -> Promise:
    start = START + draw(st.integers(-500, 500)) * timedelta(minutes=15)
    end = start + draw(st.integers(1, 1000)) * timedelta(minutes=15)
    return Promise(start, end, end + draw(st.integers(0, 72)) * timedelta(hours=1))


def pulls(person_id: int, promise: Promise, begin: datetime, end: datetime) -> list[datetime]:
    """All pulls of someone whose every pull comes when it is due."""
    found = []
    moment = next_pull(person_id, [promise], begin)
    while moment is not None and moment < end:
        found.append(moment)
        moment = next_pull(person_id, [promise], moment)
    return found


def test_nobody_is_pulled_for_nothing() -> None:
    assert next_pull(1, [], START) is None
    assert next_pull(1, [WEEK], CUT_OFF) is None


@given(person_id=people, promised=st.lists(promises(), max_size=4), now=moments)
def test_it_lies_ahead_and_where_data_counts(
    person_id: int, promised: list[Promise], now: datetime
) -> None:
    moment = next_pull(person_id, promised, now)
    if moment is None:
        assert all(one.cut_off < now + HURRIED * 1.5 + ORDINARY for one in promised)
    else:
        assert moment >= now + HURRIED / 2
        assert any(one.starts_at <= moment < one.cut_off for one in promised)


@given(person_id=people, promised=st.lists(promises(), min_size=1, max_size=4), now=moments)
def test_more_competitions_never_delay(
    person_id: int, promised: list[Promise], now: datetime
) -> None:
    alone = [next_pull(person_id, [one], now) for one in promised]
    assert next_pull(person_id, promised, now) == min(
        (moment for moment in alone if moment is not None), default=None
    )


@given(person_id=people)
def test_gaps_are_as_promised(person_id: int) -> None:
    ordinary = pulls(person_id, WEEK, START, END - LAST_HOURS)
    assert ordinary[0] - START <= ORDINARY * 1.5
    assert {b - a for a, b in pairwise(ordinary)} == {ORDINARY}
    for end in (END + AFTERMATH, CUT_OFF):
        hurried = pulls(person_id, WEEK, end - LAST_HOURS, end)
        assert max(b - a for a, b in pairwise(hurried)) <= HURRIED
        assert end - hurried[-1] <= HURRIED
    around = pulls(person_id, WEEK, END - HURRIED, CUT_OFF)
    assert any(END <= moment < END + AFTERMATH for moment in around)


@given(person_id=people, promise=promises())
def test_all_are_pulled_after_the_end_and_again_before_the_cut_off(
    person_id: int, promise: Promise
) -> None:
    """By the plan that each pull leaves behind, whatever the hours of grace are."""
    made = pulls(person_id, promise, promise.ends_at - LAST_HOURS, promise.cut_off)
    if promise.cut_off > promise.ends_at:
        assert any(promise.ends_at <= moment < promise.ends_at + AFTERMATH for moment in made)
        assert promise.cut_off - max(made) <= HURRIED
    else:
        assert all(moment < promise.ends_at for moment in made)


def test_a_run_of_people_is_spread_evenly() -> None:
    first = Counter(
        int((moment - START) / timedelta(minutes=1))
        for person_id in range(1, 30_001)
        if (moment := next_pull(person_id, [WEEK], START - ORDINARY / 2)) is not None
    )
    assert len(first) == 30
    assert min(first.values()) >= 990
    assert max(first.values()) <= 1010
