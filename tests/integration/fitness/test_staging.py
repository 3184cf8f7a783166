"""Packed days: PostgreSQL reads what was meant."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.fitness.readings import MAX_SLOT, Readings, Stream
from domain.fitness.staging import COPY, SIGNATURE, TABLE, TRAILER, digest, packed, packed_days
from domain.fitness.windows import QUARTER, Window
from models.slots import Metric, SlotClass

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@st.composite
def days(draw: st.DrawFn) -> tuple[Any, ...]:
    low = draw(st.integers(0, 95))
    high = draw(st.integers(low + 1, 96))
    size = high - low
    return (
        draw(st.integers(1, 2**62)),
        draw(texts),
        draw(st.sampled_from(Metric)),
        draw(st.sampled_from(SlotClass)),
        (draw(st.dates(date(1970, 1, 1), date(2100, 1, 1))), low, high),
        draw(st.lists(st.integers(0, MAX_SLOT), min_size=size, max_size=size)),
    )


def read_back(session: Session, rows: Sequence[bytes]) -> list[tuple[Any, ...]]:
    session.execute(text(TABLE))
    raw = session.connection().connection.driver_connection
    assert raw is not None
    with raw.cursor().copy(COPY) as copy:
        copy.write(SIGNATURE + b"".join(rows) + TRAILER)
    found = session.execute(text("SELECT * FROM staged")).all()
    session.rollback()
    return [tuple(row) for row in found]


def whole(low: int, high: int, values: Sequence[int]) -> list[int | None]:
    return [None] * low + list(values) + [None] * (96 - high)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(days(), max_size=4))
def test_a_packed_day_is_read_back(session: Session, days: list[tuple[Any, ...]]) -> None:
    assert read_back(session, [packed(*one) for one in days]) == [
        (person_id, metric, source, slot_class, day, low, high, whole(low, high, values))
        for person_id, source, metric, slot_class, (day, low, high), values in days
    ]


def test_a_window_over_midnight_becomes_two_days(session: Session) -> None:
    start = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    stream = Stream(Metric.STEPS, [1, 2, 3, 4], [0, 0, 0, 5])
    found = list(packed_days(7, Readings("x", Window(start, start + 4 * QUARTER), [stream])))
    first, second = date(2026, 11, 20), date(2026, 11, 21)
    assert [day for day, _ in found] == [first, second, second]
    series = (7, Metric.STEPS, "x")
    assert read_back(session, [row for _, row in found]) == [
        (*series, SlotClass.MEASURED, first, 94, 96, whole(94, 96, [1, 2])),
        (*series, SlotClass.MEASURED, second, 0, 2, whole(0, 2, [3, 4])),
        (*series, SlotClass.MANUAL, second, 0, 2, whole(0, 2, [0, 5])),
    ]


@given(days(), days())
def test_other_days_have_other_digests(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    same = digest(b"", packed(*one)) == digest(b"", packed(*other))
    assert same == (one == other)
