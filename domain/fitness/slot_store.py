"""The slot table: days are staged by COPY, and only what differs is written."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from psycopg import Connection
from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from domain.fitness.slot_versions import KEEP_REPLACED
from domain.fitness.staging import COPY, SIGNATURE, TABLE, TRAILER
from domain.locks import LockedForData
from domain.scoring.recompute import ChangedDays
from models.slots import Metric


class Change(NamedTuple):
    """A stored day that differs from what stood there: in how many slots, all in [low, high)."""

    person_id: int
    metric: Metric
    day: date
    slots: int
    low: int
    high: int


def store_days(session: Session, rows: Sequence[bytes], locked: LockedForData) -> list[Change]:
    """Replace the slots that packed days (`staging`) cover; return what changed.

    A source's day with a measured part speaks for its other classes too: one that is not among
    `rows` becomes 0 over the same slots. The caller has locked the people.
    """
    if not rows:
        return []
    staged = _stage(session, rows)
    staged += session.execute(VANISHED).rowcount  # type: ignore[attr-defined]  # a cursor's
    changes = _changes(session, INSERT, locked)
    if len(changes) < staged:
        if locked.closed:
            session.execute(KEEP, {"now": locked.at, "closed": locked.closed})
        changes += _changes(session, UPDATE, locked)
    session.execute(TIDY)
    return changes


def _changes(session: Session, statement: TextClause, locked: LockedForData) -> list[Change]:
    rows = session.execute(statement, {"now": locked.at}).all()
    return [
        Change(person_id, Metric(metric), day, slots, low, high)
        for person_id, metric, day, slots, low, high in rows
    ]


def changed_days(changes: Sequence[Change], locked: LockedForData) -> ChangedDays:
    """Return the days of which scores may have changed."""
    return ChangedDays(
        [
            ((change.person_id, change.metric, change.day), change.low, change.high)
            for change in changes
            if change.slots and change.metric in locked.metrics
        ]
    )


def _stage(session: Session, rows: Sequence[bytes]) -> int:
    session.execute(text(TABLE))
    connection: Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]  # psycopg's own
    with connection.cursor() as cursor:
        with cursor.copy(COPY) as copy:
            copy.write(b"".join((SIGNATURE, *rows, TRAILER)))
        staged = cursor.rowcount
    # The planner must know how many days and people; statistics of the arrays would cost more than
    # the write.
    session.execute(text("ANALYZE staged (person_id, metric, day)"))
    return staged


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
    SELECT s.person_id, s.metric, s.source, s.day, s.class, s.low, s.high, o.ingested_at,
           o.slots AS old,
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
               WHERE coalesce(o, 0) <> coalesce(n, 0)), x.low, x.high
    """  # noqa: S608  the fragment is our own
)
# What conflicts stood there before; no other writer can be in the way, for the people are locked.
INSERT = text(
    """
    WITH new AS (
        INSERT INTO slot_day (person_id, metric, source, day, class, slots, ingested_at)
        SELECT person_id, metric, source, day, class, slots, :now FROM staged
        ON CONFLICT (person_id, metric, source, day, class) DO NOTHING
        RETURNING person_id, metric, source, day, class,
                  cardinality(array_remove(array_remove(slots, NULL), 0)) AS slots
    )
    SELECT n.person_id, n.metric, n.day, n.slots, s.low, s.high
    FROM new n JOIN staged s USING (person_id, metric, source, day, class)
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
