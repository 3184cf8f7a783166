from datetime import date, timedelta
from itertools import pairwise
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.clock import HOUR_MS, MINUTE_MS, QUARTER_MS
from sandbox.devices import DeviceKind
from sandbox.people import ZONES, make_person
from sandbox.walks import SHAKEN, SHAKEN_STEPS, gait_tables, walk_day

MONDAY = date(2026, 11, 16)

numbers = st.integers(1, 400)
days = st.dates(date(2026, 1, 1), date(2027, 12, 31))


@given(numbers, days)
def test_the_same_seed_number_and_day_give_the_same_walk(number: int, day: date) -> None:
    assert make_person(3, number) == make_person(3, number)
    assert walk_day(make_person(3, number), day) == walk_day(make_person(3, number), day)


def test_another_seed_is_another_world() -> None:
    assert make_person(1, 1) != make_person(2, 1)
    assert walk_day(make_person(1, 1), MONDAY).wears != walk_day(make_person(2, 1), MONDAY).wears


def test_people_are_told_apart_by_every_name() -> None:
    people = [make_person(1, n) for n in range(1, 501)]
    for attribute in ("id", "sub", "google_sub", "email", "display_name"):
        assert len({getattr(person, attribute) for person in people}) == 500
    assert {person.timezone for person in people} == set(ZONES)
    kinds = {tuple(device.kind for device in person.devices) for person in people}
    assert kinds == {
        (DeviceKind.PHONE,),
        (DeviceKind.WATCH,),
        (DeviceKind.PHONE, DeviceKind.WATCH),
    }


@given(numbers, days)
def test_a_phone_never_counts_more_than_the_watch_does_while_worn(number: int, day: date) -> None:
    steps = {wear.device.kind: wear.steps for wear in walk_day(make_person(1, number), day).wears}
    if len(steps) == 2:
        pairs = zip(steps[DeviceKind.PHONE], steps[DeviceKind.WATCH], strict=True)
        assert all(phone <= watch for phone, watch in pairs if watch)


@given(numbers, days)
def test_every_minute_arrives_after_it_is_over_and_in_order(number: int, day: date) -> None:
    walked = walk_day(make_person(1, number), day)
    for wear in walked.wears:
        arrivals = [wear.arrival_ms(walked.start_ms, m) for m in range(walked.minutes)]
        assert all(one <= other for one, other in pairwise(arrivals))
        lags = [at - walked.start_ms - (m + 1) * MINUTE_MS for m, at in enumerate(arrivals)]
        assert min(lags) >= 0
        assert max(lags) <= 5.2 * HOUR_MS


@given(numbers, days)
def test_what_is_typed_in_lies_in_one_quarter_hour_and_arrives_later(
    number: int, day: date
) -> None:
    person = make_person(1, number)
    typed = walk_day(person, day).typed
    assert person.types_by_hand or not typed
    for entry in typed:
        assert entry.start_ms // QUARTER_MS == entry.end_ms // QUARTER_MS
        assert entry.start_ms < entry.end_ms < entry.arrived_ms


@given(numbers, days)
def test_only_a_phone_in_a_machine_counts_what_nobody_walks(number: int, day: date) -> None:
    person = make_person(1, number)
    for wear in walk_day(person, day).wears:
        shaken = [minute for minute, steps in enumerate(wear.steps) if steps >= SHAKEN_STEPS]
        in_machine = person.shakes and wear.device.kind is DeviceKind.PHONE
        assert shaken == (list(SHAKEN) if in_machine else [])


def test_one_of_the_first_sixty_has_a_phone_in_a_machine() -> None:
    (shaker,) = [p for n in range(1, 61) if (p := make_person(1, n)).shakes]
    assert [device.kind for device in shaker.devices] == [DeviceKind.PHONE]


def test_data_is_as_late_as_in_captured_answers() -> None:
    lags = []
    for number in range(1, 121):
        for offset in range(2):
            day = walk_day(make_person(1, number), MONDAY + timedelta(days=offset))
            lags += [
                (wear.arrival_ms(day.start_ms, minute) - day.start_ms) / MINUTE_MS - minute - 1
                for wear in day.wears
                for minute, steps in enumerate(wear.steps)
                if steps
            ]
    assert 40 < median(lags) < 60
    assert max(lags) > 240
    assert sum(lag < 1 for lag in lags) / len(lags) > 0.02


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (MONDAY, 24)]
)
def test_a_day_is_as_long_as_its_zone_says(day: date, hours: int) -> None:
    berlin = next(p for n in range(1, 40) if (p := make_person(1, n)).timezone == "Europe/Berlin")
    walked = walk_day(berlin, day)
    assert walked.minutes == hours * 60
    assert all(len(wear.steps) == walked.minutes for wear in walked.wears)


@given(numbers, days)
def test_every_local_midnight_is_on_a_quarter_hour(number: int, day: date) -> None:
    walked = walk_day(make_person(1, number), day)
    assert walked.start_ms % QUARTER_MS == 0
    assert walked.minutes % 15 == 0


@given(numbers)
def test_more_steps_in_a_minute_never_mean_less_of_anything(number: int) -> None:
    for table in gait_tables(make_person(1, number)):
        assert list(table) == sorted(table)
        assert table[0] == 0
