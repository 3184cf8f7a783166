"""Packed days: PostgreSQL reads what was meant."""

from datetime import date

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.fitness.readings import MAX_SLOT, DayRow
from domain.fitness.staging import COPY, SIGNATURE, TABLE, TRAILER, SourceDay, digest, packed
from models.slots import Metric, SlotClass


@st.composite
def source_days(draw: st.DrawFn) -> SourceDay:
    low = draw(st.integers(0, 95))
    high = draw(st.integers(low + 1, 96))
    values = draw(st.lists(st.integers(0, MAX_SLOT), min_size=high - low, max_size=high - low))
    row = DayRow(
        draw(st.sampled_from(Metric)),
        draw(st.dates(date(1970, 1, 1), date(2100, 1, 1))),
        draw(st.sampled_from(SlotClass)),
        low,
        high,
        values,
    )
    return SourceDay(
        draw(st.integers(1, 2**62)),
        draw(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)),
        row,
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(source_days(), max_size=4))
def test_a_packed_day_is_read_back(session: Session, days: list[SourceDay]) -> None:
    session.execute(text(TABLE))
    raw = session.connection().connection.driver_connection
    assert raw is not None
    with raw.cursor().copy(COPY) as copy:
        copy.write(SIGNATURE + b"".join(map(packed, days)) + TRAILER)
    rows = session.execute(text("SELECT * FROM staged")).all()
    session.rollback()
    assert [tuple(row) for row in rows] == [
        (
            one.person_id,
            one.row.metric,
            one.source,
            one.row.day,
            one.row.slot_class,
            one.row.low,
            one.row.high,
            [None] * one.row.low + one.row.values + [None] * (96 - one.row.high),
        )
        for one in days
    ]


@given(source_days(), source_days())
def test_other_days_have_other_digests(one: SourceDay, other: SourceDay) -> None:
    same = digest(b"", packed(one)) == digest(b"", packed(other))
    assert same == (one == other)
