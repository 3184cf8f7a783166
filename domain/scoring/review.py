"""Looking at what came in: doubts are raised in the transaction that brings the data."""

import uuid
from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from domain.database import array
from domain.scoring.competing import where_it_counts
from domain.scoring.flags import Day, keep
from domain.scoring.plausibility import CEILINGS, WORN_ON_THE_WRIST, Doubt, SourceSlots, judge
from domain.scoring.recompute import ChangedDays
from models.flag import FlagReason
from models.slots import Metric, SlotClass
from models.source import SourceKind

RULED = (
    FlagReason.OVER_MINUTE_CEILING,
    FlagReason.OVER_DAY_CEILING,
    FlagReason.IMPOSSIBLE_OVERLAP,
)
"""What follows from one person's day alone."""

# Days over a ceiling; those with flags that follow the data, whatever they hold; and those of
# people with several devices on the wrist. `< ANY` finds no null. An array is taken apart for its
# sum only if one slot has more than a 96th, and more slots hold something than could make the sum
# at the slot's own ceiling.
TO_LOOK_AT = text(
    """
    WITH asked AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:person_ids AS bigint[]), CAST(:metrics AS text[]),
                             CAST(:days AS date[])) AS x(person_id, metric, day)
    )
    SELECT x.person_id, x.metric, x.day
    FROM asked x
    JOIN slot_day d USING (person_id, metric, day)
    JOIN unnest(CAST(:ceiling_metrics AS text[]), CAST(:slot_ceilings AS integer[]),
                CAST(:day_ceilings AS bigint[])) AS l(metric, slot, whole) USING (metric)
    WHERE l.slot < ANY(d.slots)
       OR l.whole / 96 < ANY(d.slots)
          AND cardinality(array_remove(d.slots, 0)) > l.whole / l.slot
          AND (SELECT sum(v) FROM unnest(d.slots) AS v) > l.whole
    UNION
    SELECT person_id, metric, day FROM flag
    WHERE competition_id = ANY(CAST(:open AS uuid[])) AND person_id = ANY(:people)
      AND decision <> 'accepted' AND reason <> 'shared_device'
    UNION
    SELECT x.person_id, x.metric, x.day FROM asked x
    WHERE x.metric = 'steps' AND x.person_id IN (
        SELECT person_id FROM source
        WHERE person_id = ANY(:people) AND kind = ANY(CAST(:worn AS text[]))
        GROUP BY person_id HAVING count(*) > 1)
    """
)
SLOTS = text(
    """
    SELECT d.person_id, d.metric, d.day, d.source, s.kind, d.class AS slot_class, d.slots
    FROM unnest(CAST(:person_ids AS bigint[]), CAST(:metrics AS text[]), CAST(:days AS date[]))
         AS x(person_id, metric, day)
    JOIN slot_day d USING (person_id, metric, day)
    JOIN source s ON s.person_id = d.person_id AND s.key = d.source
    ORDER BY d.person_id, d.metric, d.day, d.source, d.class
    """
)
DAYS_OF = text(
    """
    SELECT DISTINCT d.day
    FROM competition k
    JOIN slot_day d ON d.metric = k.metric
         AND d.day BETWEEN CAST(k.starts_at AT TIME ZONE 'UTC' AS date)
                       AND CAST(k.ends_at AT TIME ZONE 'UTC' AS date)
    WHERE k.id = :competition_id AND d.person_id = :person_id
    """
)
LIMITS: dict[str, Any] = {
    "ceiling_metrics": list(map(str, CEILINGS)),
    "slot_ceilings": [ceiling.slot for ceiling in CEILINGS.values()],
    "day_ceilings": [ceiling.day for ceiling in CEILINGS.values()],
    "worn": sorted(WORN_ON_THE_WRIST),
}


def review_days(
    session: Session,
    changed: ChangedDays,
    open_competitions: Collection[uuid.UUID],
    now: datetime,
) -> ChangedDays:
    """Raise flags for what is implausible on these days, and drop those that are so no more.

    Returns what has to be counted now: a flag may bar slots that did not change. The caller holds
    the locks of `domain.locks`.
    """
    if not (changed.parts and open_competitions):
        return changed
    asked = {
        **_columns(changed.each()),
        **LIMITS,
        "people": array({person_id for person_id, _, _ in changed.each()}),
        "open": list(open_competitions),
    }
    found_days = session.execute(TO_LOOK_AT, asked).all()
    days = {(row.person_id, Metric(row.metric), row.day) for row in found_days}
    if days:
        found = where_it_counts(session, _doubts(session, days), open_competitions)
        keep(session, found, days, open_competitions, RULED, now)
    return changed.widened(days)


def review_participant(
    session: Session, competition_id: uuid.UUID, person_id: int, metric: Metric, now: datetime
) -> None:
    """Look at all that a participant has for a competition, as when they join it."""
    asked = {"competition_id": competition_id, "person_id": person_id}
    days = list(session.scalars(DAYS_OF, asked))
    changed = ChangedDays.whole((person_id, metric, day) for day in days)
    review_days(session, changed, [competition_id], now)


def _doubts(session: Session, days: Collection[Day]) -> list[tuple[Day, Doubt]]:
    found: list[tuple[Day, Doubt]] = []
    rows = session.execute(SLOTS, _columns(days))
    for (person_id, name, date), group in groupby(rows, lambda row: tuple(row[:3])):
        day = (person_id, Metric(name), date)
        found += ((day, doubt) for doubt in judge(day[1], list(_read(group))))
    return found


def _read(rows: Iterator[Row[Any]]) -> Iterator[SourceSlots]:
    for row in rows:
        yield SourceSlots(row.source, SourceKind(row.kind), SlotClass(row.slot_class), row.slots)


def _columns(days: Collection[Day]) -> dict[str, Any]:
    people, metrics, dates = zip(*days, strict=True)
    return {"person_ids": array(people), "metrics": array(metrics), "days": array(dates)}
