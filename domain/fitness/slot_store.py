"""The slot table: days are staged by COPY, and only what differs is written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Connection
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.fitness.readings import DayRow
from domain.scoring.recompute import ChangedDays
from models.slots import Metric


@dataclass(frozen=True, slots=True)
class SourceDay:
    """A day's part of one source of one person."""

    person_id: int
    source: str
    row: DayRow


@dataclass(frozen=True)
class Change:
    """A stored day that differs from what stood there, and in how many slots."""

    person_id: int
    metric: Metric
    day: date
    slots: int


def store_days(session: Session, days: Iterable[SourceDay], now: datetime) -> list[Change]:
    """Replace the slots that the days cover; return what changed.

    A source's day with a measured part speaks for its other classes too: one that is not among
    `days` becomes 0 over the same slots. The caller has locked the people.
    """
    _stage(session, days)
    session.execute(VANISHED)
    rows = session.execute(MERGE, {"now": now})
    changes = [
        Change(person_id, Metric(metric), day, slots) for person_id, metric, day, slots in rows
    ]
    session.execute(TIDY)
    return changes


def changed_days(changes: Sequence[Change]) -> ChangedDays:
    """Return the days of which scores may have changed."""
    real = [change for change in changes if change.slots]
    return ChangedDays(
        [change.person_id for change in real],
        [change.metric for change in real],
        [change.day for change in real],
    )


def _stage(session: Session, days: Iterable[SourceDay]) -> None:
    session.execute(
        text(
            "CREATE TEMPORARY TABLE staged (person_id bigint, metric text, source text, day date,"
            " class text, low integer, high integer, slots integer[]) ON COMMIT DROP"
        )
    )
    connection: Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]  # psycopg's own
    with connection.cursor().copy("COPY staged FROM STDIN") as copy:
        for day in days:
            row = day.row
            copy.write(
                f"{day.person_id}\t{row.metric}\t{day.source}\t{row.day}\t{row.slot_class}"
                f"\t{row.low}\t{row.high}\t{row.array()}\n"
            )
    session.execute(text("ANALYZE staged"))


# Rows of the staged source and days that are not staged themselves are classes in which the vendor
# has nothing any more: their slots of the window become 0.
VANISHED = text(
    """
    INSERT INTO staged (person_id, metric, source, day, class, low, high, slots)
    SELECT d.person_id, d.metric, d.source, d.day, d.class, s.low, s.high, array_fill(0, ARRAY[96])
    FROM staged s
    JOIN slot_day d USING (person_id, metric, source, day)
    WHERE s.class = 'measured' AND d.class <> 'measured'
      AND NOT EXISTS (SELECT FROM staged o
                      WHERE (o.person_id, o.metric, o.source, o.day, o.class)
                          = (d.person_id, d.metric, d.source, d.day, d.class))
    """
)
# `ON CONFLICT` finds no competitor: the people are locked.
MERGE = text(
    """
    WITH merged AS (
        SELECT s.person_id, s.metric, s.source, s.day, s.class, d.slots AS old,
               CASE WHEN d.slots IS NULL OR (s.low = 0 AND s.high = 96) THEN s.slots
                    ELSE d.slots[1:s.low] || s.slots[s.low + 1:s.high] || d.slots[s.high + 1:96]
               END AS new
        FROM staged s
        LEFT JOIN slot_day d USING (person_id, metric, source, day, class)
    ), changed AS (
        SELECT * FROM merged WHERE old IS DISTINCT FROM new
    ), stored AS (
        INSERT INTO slot_day (person_id, metric, source, day, class, slots, ingested_at)
        SELECT person_id, metric, source, day, class, new, :now FROM changed
        ON CONFLICT (person_id, metric, source, day, class) DO UPDATE
        SET slots = excluded.slots, ingested_at = excluded.ingested_at
    )
    SELECT person_id, metric, day,
           (SELECT count(*) FROM unnest(old, new) AS u(o, n)
            WHERE coalesce(o, 0) <> coalesce(n, 0)) AS slots
    FROM changed
    """
)
# An empty class has no row; a measured row stays, for its zeros say that it was fetched.
TIDY = text(
    """
    DELETE FROM slot_day d USING staged s
    WHERE (d.person_id, d.metric, d.source, d.day, d.class)
        = (s.person_id, s.metric, s.source, s.day, s.class)
      AND s.class <> 'measured'
      AND NOT EXISTS (SELECT FROM unnest(d.slots) AS u(v) WHERE v > 0)
    """
)
