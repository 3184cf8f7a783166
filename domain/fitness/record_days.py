"""The slot rows that a person's records add up to, brought forward record by record.

All sums are of integers and the person is locked, so adding what came and taking off what went
gives exactly what spreading every standing record anew would give, at the price of the upload
alone.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.fitness.readings import MAX_SLOT, DayRow
from domain.fitness.records import Known
from domain.fitness.slot_store import SourceDay
from domain.fitness.spreading import day_number, day_of, spread
from domain.fitness.windows import SLOTS_PER_DAY
from models.slots import Metric, SlotClass

LOAD = text(
    """
    SELECT metric, source, day, class, slots
    FROM unnest(CAST(:metrics AS text[]), CAST(:sources AS text[]), CAST(:days AS date[]))
         AS x(metric, source, day)
    JOIN slot_day d USING (metric, source, day)
    WHERE d.person_id = :person
    """
)


StreamDay = tuple[Metric, str, int]
"""One metric of one source on one UTC day, numbered from 1 January 1970."""


class RecordDays:
    """Slot rows of one person, as they are and as they will be."""

    def __init__(self, person_id: int) -> None:
        self._person_id = person_id
        self._rows: dict[tuple[StreamDay, SlotClass], list[int]] = {}
        self._touched: set[StreamDay] = set()

    def load(self, session: Session, records: Iterable[Known]) -> None:
        """Read the rows of every day that these records lie in, in all classes."""
        wanted = {
            (one.metric, one.source, moment.date())
            for one in records
            for moment in (one.start, one.end)
        }
        columns = zip(*wanted, strict=True) if wanted else ((), (), ())
        metrics, sources, days = map(list, columns)
        rows = session.execute(
            LOAD,
            {
                "person": self._person_id,
                "metrics": list(map(str, metrics)),
                "sources": sources,
                "days": days,
            },
        )
        for metric, source, day, slot_class, slots in rows:
            stream_day = (Metric(metric), source, day_number(day))
            self._rows[stream_day, SlotClass(slot_class)] = [value or 0 for value in slots]

    def add(self, record: Known) -> bool:
        """Count a record, unless a slot would hold more than it can; say whether it was."""
        changes = self._changes(record)
        if any(row[number] + value > MAX_SLOT for _, row, number, value in changes):
            return False
        for stream_day, row, number, value in changes:
            row[number] += value
            self._touched.add(stream_day)
        return True

    def take_off(self, record: Known) -> None:
        """Count a record no longer."""
        for stream_day, row, number, value in self._changes(record):
            row[number] -= value
            self._touched.add(stream_day)

    def _changes(self, record: Known) -> list[tuple[StreamDay, list[int], int, int]]:
        metric, source, slot_class = record.metric, record.source, record.slot_class
        found = []
        for slot, value in spread(record.value, record.start, record.end):
            day, number = divmod(slot, SLOTS_PER_DAY)
            stream_day = (metric, source, day)
            row = self._rows.get((stream_day, slot_class))
            if row is None:
                row = self._rows[stream_day, slot_class] = [0] * SLOTS_PER_DAY
            found.append((stream_day, row, number, value))
        return found

    def rows(self) -> Iterator[SourceDay]:
        """Yield the rows of the touched days: whole days, every class that the day has."""
        for (stream_day, slot_class), values in self._rows.items():
            if stream_day in self._touched:
                metric, source, day = stream_day
                row = DayRow(metric, day_of(day), slot_class, 0, SLOTS_PER_DAY, values)
                yield SourceDay(self._person_id, source, row)
