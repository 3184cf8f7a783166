"""Windows of the past that were never fetched: found, queued, and shown until they are."""

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.fitness.windows import Window
from domain.ids import new_id


@dataclass(frozen=True)
class Owed:
    """What a connection owes."""

    count: int = 0
    oldest_from: datetime | None = None
    """Start of the earliest window."""
    since: datetime | None = None
    """When the one that has waited longest was found missing."""


@dataclass(frozen=True)
class Debt:
    """What all connections owe together."""

    people: int
    windows: int
    since: datetime | None
    """When the one that has waited longest was found missing."""


OWED_BY = text(
    """
    SELECT connection_id, count(*), min(window_from), min(requested_at) FROM sync_request
    WHERE connection_id = ANY(:ids) AND reason = 'owed' AND finished_at IS NULL
    GROUP BY connection_id
    """
)
OWED_ALTOGETHER = text(
    """
    SELECT count(DISTINCT r.person_id), count(*), min(r.requested_at)
    FROM sync_request r JOIN fitness_connection c ON c.id = r.connection_id
    WHERE r.reason = 'owed' AND r.finished_at IS NULL AND c.status = 'active'
    """
)
# What a connection has fetched in one piece begins too late for a competition of its person.
SHORT = text(
    """
    SELECT c.id, c.person_id, x.needed_from, c.fetched_from,
           (SELECT range_agg(tstzrange(r.window_from, r.window_to)) FROM sync_request r
            WHERE r.connection_id = c.id AND r.reason = 'owed' AND r.finished_at IS NULL) AS known
    FROM fitness_connection c
    JOIN LATERAL (
        SELECT min(k.starts_at) AS needed_from
        FROM participant m JOIN competition k ON k.id = m.competition_id
        WHERE m.person_id = c.person_id AND k.status IN ('upcoming', 'active', 'closing')
    ) x ON x.needed_from < c.fetched_from
    WHERE c.person_id = ANY(:people) AND c.status <> 'disconnected'
    """
)
QUEUE = text(
    """
    INSERT INTO sync_request (id, connection_id, person_id, reason, status, requested_at, due_at,
                              window_from, window_to)
    SELECT x.id, x.connection_id, x.person_id, 'owed', 'queued', :now, :now, x.start, x.stop
    FROM unnest(CAST(:ids AS uuid[]), CAST(:connections AS uuid[]), CAST(:people AS bigint[]),
                CAST(:starts AS timestamptz[]), CAST(:stops AS timestamptz[]))
         AS x(id, connection_id, person_id, start, stop)
    """
)


def owe_what_is_missing(session: Session, person_ids: Collection[int], now: datetime) -> int:
    """Queue what people's competitions need and nobody fetched or owes yet; return how many.

    Called whenever the need or the fetched stretch may have changed: after a join, a connect, and
    a pull, during which the person may have joined. The caller has locked the people.
    """
    missing = [
        (row.id, row.person_id, window)
        for row in session.execute(SHORT, {"people": list(person_ids)})
        for window in _without(Window(row.needed_from, row.fetched_from), row.known)
    ]
    _queue(session, missing, now)
    return len(missing)


def owe(
    session: Session, connection_id: uuid.UUID, person_id: int, window: Window, now: datetime
) -> None:
    """Queue a stretch of the past, cut into calls, until it is fetched."""
    _queue(session, [(connection_id, person_id, window)], now)


def _queue(
    session: Session, owed: Collection[tuple[uuid.UUID, int, Window]], now: datetime
) -> None:
    calls = [(one, person, call) for one, person, window in owed for call in window.calls()]
    if not calls:
        return
    session.execute(
        QUEUE,
        {
            "now": now,
            "ids": [new_id() for _ in calls],
            "connections": [connection_id for connection_id, _, _ in calls],
            "people": [person_id for _, person_id, _ in calls],
            "starts": [call.start for _, _, call in calls],
            "stops": [call.end for _, _, call in calls],
        },
    )


def _without(whole: Window, known: object) -> Iterator[Window]:
    """Yield the parts of a window that a multirange of the database leaves uncovered."""
    start = whole.start
    for covered in known or ():  # type: ignore[attr-defined]  # psycopg's Multirange is a sequence
        if start < covered.lower:
            yield Window(start, min(covered.lower, whole.end))
        start = max(start, covered.upper)
    if start < whole.end:
        yield Window(start, whole.end)


def owed_by(session: Session, connection_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Owed]:
    """Return what connections owe; those that owe nothing are missing."""
    rows = session.execute(OWED_BY, {"ids": list(connection_ids)})
    return {connection_id: Owed(*values) for connection_id, *values in rows}


def owed_altogether(session: Session) -> Debt:
    """Return what all active connections owe."""
    return Debt(*session.execute(OWED_ALTOGETHER).one())
