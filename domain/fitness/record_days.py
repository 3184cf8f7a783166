"""The slot rows that a person's records add up to, brought forward record by record.

All sums are of integers and the person is locked, so adding what came and taking off what went
gives exactly what spreading every standing record anew would give, at the price of the upload
alone.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.fitness.readings import MAX_SLOT
from domain.fitness.records import CLASSES, Known
from domain.fitness.slot_store import Change
from domain.fitness.slot_versions import KEEP_REPLACED
from domain.fitness.spreading import day_number, day_of, spread
from domain.fitness.windows import SLOTS_PER_DAY
from domain.locks import LockedForData
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


Place = tuple[Metric, str, int, SlotClass]
"""One metric of one source on one UTC day, numbered from 1 January 1970, in one class."""
NOTHING = [0] * SLOTS_PER_DAY


PUT = text(
    """
    INSERT INTO slot_day (person_id, metric, source, day, class, slots, ingested_at)
    SELECT :person, x.metric, x.source, x.day, x.class, CAST(x.slots AS integer[]), :now
    FROM unnest(CAST(:metrics AS text[]), CAST(:sources AS text[]), CAST(:days AS date[]),
                CAST(:classes AS text[]), CAST(:slots AS text[]))
         AS x(metric, source, day, class, slots)
    ON CONFLICT (person_id, metric, source, day, class) DO UPDATE
    SET slots = excluded.slots, ingested_at = excluded.ingested_at
    """
)
KEEP = text(
    f"""
    WITH replaced AS (
        SELECT d.* FROM slot_day d
        JOIN unnest(CAST(:metrics AS text[]), CAST(:sources AS text[]), CAST(:days AS date[]),
                    CAST(:classes AS text[])) AS x(metric, source, day, class)
          ON (d.metric, d.source, d.day, d.class) = (x.metric, x.source, x.day, x.class)
        WHERE d.person_id = :person
    ) {KEEP_REPLACED}
    """  # noqa: S608  the fragment is our own
)
# An empty class has no row; a measured row stays, for its zeros say that nothing was measured.
TIDY = text(
    """
    DELETE FROM slot_day d
    USING unnest(CAST(:metrics AS text[]), CAST(:sources AS text[]), CAST(:days AS date[]),
                 CAST(:classes AS text[])) AS x(metric, source, day, class)
    WHERE d.person_id = :person
      AND (d.metric, d.source, d.day, d.class) = (x.metric, x.source, x.day, x.class)
    """
)


class RecordDays:
    """Slot rows of one person, as they are and as they will be. The person is locked."""

    def __init__(self, person_id: int) -> None:
        self._person_id = person_id
        self._before: dict[Place, list[int]] = {}
        self._rows: dict[Place, list[int]] = {}
        self._touched: set[Place] = set()

    @property
    def sources(self) -> set[str]:
        """Keys of the sources of the rows that stood."""
        return {source for _, source, _, _ in self._before}

    def load(self, session: Session, records: Iterable[Known]) -> None:
        """Read the rows of every day that these records lie in."""
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
            place = (Metric(metric), source, day_number(day), SlotClass(slot_class))
            self._before[place] = [value or 0 for value in slots]
            self._rows[place] = list(self._before[place])

    def add(self, record: Known) -> bool:
        """Count a record, unless a slot would hold more than it can; say whether it was."""
        changes = self._changes(record)
        for _, row, number, value in changes:
            if row[number] + value > MAX_SLOT:
                return False
        for place, row, number, value in changes:
            row[number] += value
            self._touched.add(place)
        return True

    def take_off(self, record: Known) -> None:
        """Count a record no longer."""
        for place, row, number, value in self._changes(record):
            row[number] -= value
            self._touched.add(place)

    def _changes(self, record: Known) -> list[tuple[Place, list[int], int, int]]:
        _, metric, source, start, end, value, _, method, _, _ = record
        slot_class = CLASSES[method]
        found = []
        for slot, part in spread(value, start, end):
            day, number = divmod(slot, SLOTS_PER_DAY)
            place = (metric, source, day, slot_class)
            row = self._rows.get(place)
            if row is None:
                row = self._rows[place] = list(NOTHING)
            found.append((place, row, number, part))
        return found

    def store(self, session: Session, locked: LockedForData) -> list[Change]:
        """Write the rows that differ from what stood; return what changed."""
        changed = [one for one in self._touched if self._rows[one] != self._before.get(one)]
        empty = [
            one for one in changed if one[3] is not SlotClass.MEASURED and not any(self._rows[one])
        ]
        kept = [one for one in changed if one not in empty]
        if changed and locked.closed:
            what = {"closed": locked.closed, "now": locked.at}
            session.execute(KEEP, {**self._columns(changed), **what})
        if kept:
            slots = [array_of(self._rows[one]) for one in kept]
            session.execute(PUT, {**self._columns(kept), "slots": slots, "now": locked.at})
        if empty:
            session.execute(TIDY, self._columns(empty))
        return [self._change(one) for one in changed]

    def _change(self, place: Place) -> Change:
        pairs = zip(self._before.get(place, NOTHING), self._rows[place], strict=True)
        slots = [number for number, (old, new) in enumerate(pairs) if old != new]
        low, high = (slots[0], slots[-1] + 1) if slots else (0, 0)
        metric, _, day, _ = place
        return Change(self._person_id, metric, day_of(day), len(slots), low, high)

    def _columns(self, places: Sequence[Place]) -> dict[str, Any]:
        return {
            "person": self._person_id,
            "metrics": [str(one[0]) for one in places],
            "sources": [one[1] for one in places],
            "days": [day_of(one[2]) for one in places],
            "classes": [str(one[3]) for one in places],
        }


def array_of(values: Sequence[int]) -> str:
    """Return a PostgreSQL array."""
    return "{" + ",".join(map(str, values)) + "}"
