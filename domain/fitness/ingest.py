"""Writing what was fetched: slots, scores and cursors of a whole batch in one transaction."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.fitness.providers.base import Pulled
from domain.fitness.queue import Claim
from domain.leaderboards.marks import mark_dirty
from domain.locks import lock_competitions_shared, lock_people
from domain.scoring.recompute import ChangedDays, recompute_changed
from models.slots import Metric


@dataclass(frozen=True)
class Fetched:
    """A claimed pull and what it brought."""

    claim: Claim
    pulled: Pulled


@dataclass(frozen=True)
class Written:
    """What a write did."""

    sync_ids: list[uuid.UUID]
    """Syncs that succeeded; those whose lease was lost are missing."""
    scores_changed: int


def write(session: Session, batch: Sequence[Fetched], now: datetime) -> Written:
    """Store a batch: whoever's lease was lost is left out, what did not change is not written."""
    lock_people(session, [one.claim.person_id for one in batch])
    open_competitions = _lock_open_competitions(session, batch, now)
    held = _still_held(session, batch)
    _stage(session, held)
    changes = _merge(session, now)
    scores = recompute_changed(session, _changed_days(changes), open_competitions)
    mark_dirty(session, scores)
    _move_cursors(session, held, now)
    _finish(session, held, changes, now)
    return Written([one.claim.sync_id for one in held], len(scores))


def _lock_open_competitions(
    session: Session, batch: Sequence[Fetched], now: datetime
) -> list[uuid.UUID]:
    people = {"people": [one.claim.person_id for one in batch]}
    joined = text("SELECT DISTINCT competition_id FROM participant WHERE person_id = ANY(:people)")
    competition_ids = list(session.scalars(joined, people))
    lock_competitions_shared(session, competition_ids)
    # Only what is read after the lock says whether a competition still takes data.
    return list(
        session.scalars(
            text(
                "SELECT id FROM competition WHERE id = ANY(:ids)"
                " AND status IN ('upcoming', 'active', 'closing')"
                " AND ends_at + make_interval(hours => grace_hours) > :now"
            ),
            {"ids": competition_ids, "now": now},
        )
    )


def _still_held(session: Session, batch: Sequence[Fetched]) -> list[Fetched]:
    rows = session.execute(
        text(
            "SELECT r.id, r.lease_token FROM sync_request r"
            " WHERE r.id = ANY(:ids) AND r.status = 'running' ORDER BY r.id FOR UPDATE"
        ),
        {"ids": [one.claim.sync_id for one in batch]},
    )
    held = {(sync_id, lease_token) for sync_id, lease_token in rows}
    return [one for one in batch if (one.claim.sync_id, one.claim.lease_token) in held]


def _stage(session: Session, batch: Sequence[Fetched]) -> None:
    session.execute(
        text(
            "CREATE TEMPORARY TABLE staged (person_id bigint, metric text, source text, day date,"
            " class text, low integer, high integer, slots integer[]) ON COMMIT DROP"
        )
    )
    connection: Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]  # psycopg's own
    with connection.cursor().copy("COPY staged FROM STDIN") as copy:
        for one in batch:
            readings = one.pulled.readings
            lead = f"{one.claim.person_id}\t"
            copy.write(
                "".join(
                    f"{lead}{row.metric}\t{readings.source}\t{row.day}\t{row.slot_class}"
                    f"\t{row.low}\t{row.high}\t{row.array()}\n"
                    for row in readings.rows()
                )
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


@dataclass(frozen=True)
class _Change:
    person_id: int
    metric: Metric
    day: Any
    slots: int


def _merge(session: Session, now: datetime) -> list[_Change]:
    session.execute(VANISHED)
    rows = session.execute(MERGE, {"now": now})
    changes = [
        _Change(person_id, Metric(metric), day, slots) for person_id, metric, day, slots in rows
    ]
    session.execute(TIDY)
    return changes


def _changed_days(changes: Sequence[_Change]) -> ChangedDays:
    real = [change for change in changes if change.slots]
    return ChangedDays(
        [change.person_id for change in real],
        [change.metric for change in real],
        [change.day for change in real],
    )


def _move_cursors(session: Session, batch: Sequence[Fetched], now: datetime) -> None:
    """Lengthen each connection's unbroken stretch by a window that touches it, and by no other."""
    session.execute(
        text(
            """
            UPDATE fitness_connection c
            SET last_synced_at = :now,
                manual_streams = CAST(x.manual_streams AS text[]),
                streams_listed_at = x.listed_at,
                fetched_from = CASE WHEN x.touches THEN least(c.fetched_from, x.start)
                                    ELSE c.fetched_from END,
                synced_until = CASE WHEN x.touches
                                    THEN greatest(c.synced_until, least(x.stop, :now))
                                    ELSE c.synced_until END
            FROM (
                SELECT u.*, coalesce(u.start <= o.synced_until AND u.stop >= o.fetched_from, true)
                       AS touches
                FROM unnest(CAST(:ids AS uuid[]), CAST(:starts AS timestamptz[]),
                            CAST(:stops AS timestamptz[]), CAST(:manual AS text[]),
                            CAST(:listed AS timestamptz[]))
                     AS u(id, start, stop, manual_streams, listed_at)
                JOIN fitness_connection o ON o.id = u.id
            ) x
            WHERE c.id = x.id
            """
        ),
        {
            "now": now,
            "ids": [one.claim.connection_id for one in batch],
            "starts": [one.pulled.readings.window.start for one in batch],
            "stops": [one.pulled.readings.window.end for one in batch],
            # An array of arrays must be square, so each person's list travels as one text.
            "manual": ["{" + ",".join(_quoted(one)) + "}" for one in batch],
            "listed": [one.pulled.streams_listed_at for one in batch],
        },
    )


def _quoted(one: Fetched) -> list[str]:
    escaped = (
        stream.replace("\\", "\\\\").replace('"', '\\"') for stream in one.pulled.manual_streams
    )
    return [f'"{stream}"' for stream in escaped]


def _finish(
    session: Session, batch: Sequence[Fetched], changes: Sequence[_Change], now: datetime
) -> None:
    changed: dict[int, int] = {}
    for change in changes:
        changed[change.person_id] = changed.get(change.person_id, 0) + change.slots
    session.execute(
        text(
            """
            UPDATE sync_request r
            SET status = 'succeeded', finished_at = :now, lease_token = NULL, lease_until = NULL,
                window_from = x.start, window_to = x.stop, slots_received = x.received,
                slots_changed = x.changed, error_code = NULL, error_detail = NULL
            FROM unnest(CAST(:ids AS uuid[]), CAST(:starts AS timestamptz[]),
                        CAST(:stops AS timestamptz[]), CAST(:received AS bigint[]),
                        CAST(:changed AS bigint[])) AS x(id, start, stop, received, changed)
            WHERE r.id = x.id
            """
        ),
        {
            "now": now,
            "ids": [one.claim.sync_id for one in batch],
            "starts": [one.pulled.readings.window.start for one in batch],
            "stops": [one.pulled.readings.window.end for one in batch],
            "received": [one.pulled.readings.received for one in batch],
            "changed": [changed.get(one.claim.person_id, 0) for one in batch],
        },
    )
