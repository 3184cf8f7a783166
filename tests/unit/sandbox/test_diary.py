from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.clock import DAY_MS, MINUTE_MS, QUARTER_MS
from sandbox.devices import DeviceKind
from sandbox.diary import FOREVER_MS, Diary, Extra, Origin, Part, add
from sandbox.people import Person, make_person
from sandbox.walks import Values

START_MS = int(datetime(2026, 11, 16, tzinfo=UTC).timestamp()) * 1000
SPAN = (START_MS, START_MS + DAY_MS)

numbers = st.integers(1, 200)
moments = st.integers(START_MS - DAY_MS, START_MS + 2 * DAY_MS)


def person_with(*kinds: DeviceKind, types_by_hand: bool = False) -> Person:
    people = (make_person(1, number) for number in range(1, 300))
    return next(
        person
        for person in people
        if tuple(device.kind for device in person.devices) == kinds
        and person.types_by_hand == types_by_hand
    )


def total(diary: Diary, part: Part, at_ms: int, length_ms: int = QUARTER_MS) -> Values:
    sums: Values = (0, 0, 0, 0, 0, 0)
    for cell in diary.cells(part, *SPAN, at_ms, length_ms):
        sums = add(sums, cell.values)
    return sums


def at_most(one: Values, other: Values) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True))


@given(numbers, moments)
@settings(max_examples=50)
def test_merging_counts_no_minute_twice(number: int, at_ms: int) -> None:
    diary = Diary(make_person(1, number))
    phone, watch = total(diary, Part.PHONE, at_ms), total(diary, Part.WATCH, at_ms)
    merged = total(diary, Part.MEASURED, at_ms)
    assert at_most(merged, add(phone, watch))
    assert at_most(phone, merged)
    assert at_most(watch, merged)


@given(numbers, moments, moments)
@settings(max_examples=50)
def test_what_has_arrived_only_grows(number: int, one: int, other: int) -> None:
    diary = Diary(make_person(1, number))
    earlier, later = (
        total(diary, Part.ALL, min(one, other)),
        total(diary, Part.ALL, max(one, other)),
    )
    assert at_most(earlier, later)
    assert at_most(later, total(diary, Part.ALL, FOREVER_MS))


@given(numbers, moments)
@settings(max_examples=50)
def test_quarters_and_minutes_have_the_same_sum(number: int, at_ms: int) -> None:
    diary = Diary(make_person(1, number))
    for part in Part:
        assert total(diary, part, at_ms) == total(diary, part, at_ms, MINUTE_MS)


def test_what_is_typed_in_is_kept_apart_and_counted_in_all() -> None:
    diary = Diary(person_with(DeviceKind.PHONE, types_by_hand=True))
    typed = total(diary, Part.TYPED, FOREVER_MS)
    assert typed[0] > 0
    measured = total(diary, Part.MEASURED, FOREVER_MS)
    assert total(diary, Part.ALL, FOREVER_MS) == add(measured, typed)


def test_the_future_has_not_arrived() -> None:
    diary = Diary(make_person(1, 1))
    noon_ms = START_MS + DAY_MS // 2
    assert all(cell.arrived_ms <= noon_ms for cell in diary.cells(Part.ALL, *SPAN, noon_ms))
    assert not diary.cells(Part.ALL, noon_ms, START_MS + DAY_MS, noon_ms)


def extra(origin: Origin, steps: int, at_ms: int = START_MS, minutes: int = 10) -> Extra:
    values: Values = (steps * 1000, 0, 0, 0, 0, 0)
    end_ms = at_ms + minutes * MINUTE_MS
    count = 1 if origin is Origin.TYPED else minutes
    return Extra(origin, at_ms, end_ms, START_MS, (values,) * count)


def test_an_extra_adds_exactly_itself() -> None:
    diary = Diary(person_with(DeviceKind.PHONE, DeviceKind.WATCH))
    before = total(diary, Part.MEASURED, FOREVER_MS)
    diary.extras.append(extra(Origin.PHONE, 30))
    assert total(diary, Part.MEASURED, FOREVER_MS) == add(before, (300_000, 0, 0, 0, 0, 0))


def test_where_extras_of_phone_and_watch_meet_the_watch_counts() -> None:
    diary = Diary(person_with(DeviceKind.PHONE, DeviceKind.WATCH))
    before = total(diary, Part.MEASURED, FOREVER_MS)
    diary.extras.append(extra(Origin.PHONE, 30, minutes=10))
    diary.extras.append(extra(Origin.WATCH, 50, minutes=4))
    after = total(diary, Part.MEASURED, FOREVER_MS)
    assert after[0] - before[0] == (4 * 50 + 6 * 30) * 1000


def test_a_typed_extra_opens_the_typed_stream_when_it_arrives() -> None:
    diary = Diary(person_with(DeviceKind.PHONE))
    diary.extras.append(extra(Origin.TYPED, 500))
    assert not diary.has_typed(0, START_MS - 1)
    assert diary.has_typed(0, START_MS)
    assert not diary.has_typed(1, START_MS)
    assert total(diary, Part.TYPED, FOREVER_MS)[0] == 500_000


@given(numbers, moments)
@settings(max_examples=50)
def test_merging_by_the_quarter_hour_is_merging_by_the_minute(number: int, at_ms: int) -> None:
    """A reader of single devices whose slots are quarter hours counts what the vendor merges."""
    diary = Diary(make_person(1, number))
    phone, watch, merged = (
        diary.slots(part, *SPAN, at_ms) for part in (Part.PHONE, Part.WATCH, Part.MEASURED)
    )
    assert merged == [
        tuple(seen or filled for seen, filled in zip(one, other, strict=True))
        for one, other in zip(watch, phone, strict=True)
    ]
