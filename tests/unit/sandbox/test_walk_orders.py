from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.clock import DAY_MS, MINUTE_MS, QUARTER_MS
from sandbox.diary import Diary, Part
from sandbox.people import make_person
from sandbox.walk_orders import WalkOrder


@given(st.integers(-200, 0), st.integers(1, 90), st.integers(1, 5000), st.integers(-300, 900))
@settings(max_examples=30, deadline=None)
def test_a_walk_with_all_devices_is_the_same_however_it_is_merged(
    quarter: int, minutes: int, steps: int, later: int
) -> None:
    """It adds exactly itself, at once and for ever, for who reads one device per quarter hour."""
    person = next(p for n in range(1, 50) if len((p := make_person(1, n)).devices) == 2)
    now_ms = int(datetime(2026, 11, 18, 9, tzinfo=UTC).timestamp()) * 1000
    start_ms = now_ms + quarter * QUARTER_MS + 4 * MINUTE_MS
    span = (now_ms - 3 * DAY_MS, now_ms + DAY_MS)
    at_ms = now_ms + max(later, 0) * MINUTE_MS

    def counted(diary: Diary, moment: int) -> int:
        both = zip(
            diary.slots(Part.WATCH, *span, moment),
            diary.slots(Part.PHONE, *span, moment),
            strict=True,
        )
        return sum(watch[0] or phone[0] for watch, phone in both)

    diary = Diary(person)
    before = [counted(diary, moment) for moment in (now_ms, at_ms)]
    order = WalkOrder.model_validate({"from": start_ms / 1000, "minutes": minutes, "steps": steps})
    diary.extras += order.extras(person, now_ms)
    after = [counted(diary, moment) for moment in (now_ms, at_ms)]
    assert after == [total + steps * 1000 for total in before]
