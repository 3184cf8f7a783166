"""The slot table: days are staged by COPY, and only what differs is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import Connection
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.fitness.slot_versions import KEEP_REPLACED
from domain.fitness.staging import COPY, SIGNATURE, TABLE, TRAILER
from domain.locks import LockedForData
from domain.scoring.recompute import ChangedDays
from models.slots import Metric


@dataclass(frozen=True)
class Change:
    """A stored day that differs from what stood there, and in how many slots."""

    person_id: int
    metric: Metric
    day: date
    slots: int


def store_days(session: Session, rows: Sequence[bytes], locked: LockedForData) -> list[Change]:
    """Replace the slots that packed days (`staging.packed`) cover; return what changed.

    A source's day with a measured part speaks for its other classes too: one that is not among
    `rows` becomes 0 over the same slots. The caller has locked the people.
    """
    if not rows:
        return []
    _stage(session, rows)
    session.execute(VANISHED)
    if locked.closed:
        session.execute(KEEP, {"now": locked.at, "closed": locked.closed})
    changes = [
        Change(person_id, Metric(metric), day, slots)
        for statement in (UPDATE, INSERT)
        for person_id, metric, day, slots in session.execute(statement, {"now": locked.at})
    ]
    session.execute(TIDY)
    return changes


def changed_days(changes: Sequence[Change], locked: LockedForData) -> ChangedDays:
    """Return the days of which scores may have changed."""
    real = [change for change in changes if change.slots and change.metric in locked.metrics]
    return ChangedDays(
        [change.person_id for change in real],
        [change.metric for change in real],
        [change.day for change in real],
    )


def _stage(session: Session, rows: Sequence[bytes]) -> None:
    session.execute(text(TABLE))
    connection: Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]  # psycopg's own
    with connection.cursor().copy(COPY) as copy:
        copy.write(SIGNATURE)
        for row in rows:
            copy.write(row)
        copy.write(TRAILER)
    # The planner must know how many days and people; statistics of the arrays would cost more than
    # the write.
    session.execute(text("ANALYZE staged (person_id, metric, day)"))


# Rows of the staged source and days that are not staged themselves are classes in which the vendor
# has nothing any more: their slots of the window become 0.
VANISHED = text(
    """
    INSERT INTO staged (person_id, metric, source, class, day, low, high, slots)
    SELECT d.person_id, d.metric, d.source, d.class, d.day, s.low, s.high, array_fill(0, ARRAY[96])
    FROM staged s
    JOIN slot_day d USING (person_id, metric, source, day)
    WHERE s.class = 'measured' AND d.class <> 'measured'
      AND NOT EXISTS (SELECT FROM staged o
                      WHERE (o.person_id, o.metric, o.source, o.day, o.class)
                          = (d.person_id, d.metric, d.source, d.day, d.class))
    """
)
BOTH = """
    SELECT s.person_id, s.metric, s.source, s.day, s.class, o.ingested_at, o.slots AS old,
           CASE WHEN s.low = 0 AND s.high = 96 THEN s.slots
                ELSE o.slots[1:s.low] || s.slots[s.low + 1:s.high] || o.slots[s.high + 1:96]
           END AS new
    FROM staged s JOIN slot_day o USING (person_id, metric, source, day, class)
"""
KEEP = text(
    f"""
    WITH replaced AS (
        SELECT person_id, metric, source, day, class, ingested_at, old AS slots
        FROM ({BOTH}) x WHERE old IS DISTINCT FROM new
    ) {KEEP_REPLACED}
    """  # noqa: S608  the fragments are our own
)
UPDATE = text(
    f"""
    UPDATE slot_day d SET slots = x.new, ingested_at = :now
    FROM ({BOTH}) x
    WHERE (d.person_id, d.metric, d.source, d.day, d.class)
        = (x.person_id, x.metric, x.source, x.day, x.class)
      AND x.old IS DISTINCT FROM x.new
    RETURNING d.person_id, d.metric, d.day,
              (SELECT count(*) FROM unnest(x.old, x.new) AS u(o, n)
               WHERE coalesce(o, 0) <> coalesce(n, 0))
    """  # noqa: S608  the fragment is our own
)
# What conflicts stood there before; no other writer can be in the way, for the people are locked.
INSERT = text(
    """
    INSERT INTO slot_day (person_id, metric, source, day, class, slots, ingested_at)
    SELECT person_id, metric, source, day, class, slots, :now FROM staged
    ON CONFLICT (person_id, metric, source, day, class) DO NOTHING
    RETURNING person_id, metric, day, cardinality(array_remove(array_remove(slots, NULL), 0))
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
