"""Pulls that nobody asks for: people in competitions, spread over time.

Each person has a place of their own on a grid of moments, so the load is even however they came:
all at once after a day without workers, or together at the start of a competition.
"""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.ids import new_id

ORDINARY = timedelta(minutes=30)
HURRIED = timedelta(minutes=5)
LAST_HOURS = timedelta(hours=2)
"""How long before an end and before a cut-off pulls come more often."""
AFTERMATH = timedelta(minutes=10)
"""They do so a little beyond the end, so that what was walked up to it comes in soon."""

_GOLDEN = 0.6180339887498949
_EPOCH = datetime.fromtimestamp(0, tz=UTC)


@dataclass(frozen=True)
class Promise:
    """The times of a competition that someone is in."""

    starts_at: datetime
    ends_at: datetime
    cut_off: datetime
    """From here on, data counts no more."""

    def phases(self) -> Iterator[tuple[datetime, datetime, timedelta]]:
        """Yield half-open stretches with the time between two pulls in them."""
        yield self.starts_at, self.cut_off, ORDINARY
        yield (
            max(self.starts_at, self.ends_at - LAST_HOURS),
            min(self.ends_at + AFTERMATH, self.cut_off),
            HURRIED,
        )
        yield max(self.starts_at, self.cut_off - LAST_HOURS), self.cut_off, HURRIED


def next_pull(person_id: int, promises: Collection[Promise], now: datetime) -> datetime | None:
    """Return when to pull someone next after `now`, or None when no competition takes their data.

    At least half an interval from now, so that a pull that was just made is not made again.
    """
    moments = [
        moment
        for promise in promises
        for start, end, interval in promise.phases()
        if (moment := _on_grid(person_id, max(start, now + interval / 2), interval)) < end
    ]
    return min(moments, default=None)


def _on_grid(person_id: int, earliest: datetime, interval: timedelta) -> datetime:
    """Return the person's first moment at or after `earliest`.

    Multiples of the golden ratio lie evenly in [0, 1) for any run of ids (three-distance theorem).
    """
    own = _EPOCH + interval * (person_id * _GOLDEN % 1)
    return earliest + (own - earliest) % interval


@dataclass(frozen=True)
class Scheduled:
    """What a sweep did."""

    user_ids: list[uuid.UUID]
    """Whose pulls were queued."""
    looked_at: int


# Cheap rows only: a connection that another sweep holds is its business.
DUE = text(
    """
    SELECT id, person_id FROM fitness_connection
    WHERE status = 'active' AND next_pull_at <= :now
    ORDER BY next_pull_at LIMIT :limit
    FOR UPDATE SKIP LOCKED
    """
)
QUEUE = text(
    """
    INSERT INTO sync_request (id, connection_id, person_id, reason, status, requested_at, due_at)
    SELECT x.id, x.connection_id, x.person_id, 'scheduled', 'queued', :now, :now
    FROM unnest(CAST(:ids AS uuid[]), CAST(:connections AS uuid[]), CAST(:people AS bigint[]))
         AS x(id, connection_id, person_id)
    WHERE NOT EXISTS (SELECT FROM sync_request o
                      WHERE o.connection_id = x.connection_id AND o.reason <> 'owed'
                        AND o.status IN ('queued', 'running'))
    ON CONFLICT DO NOTHING
    RETURNING (SELECT user_id FROM person WHERE id = sync_request.person_id)
    """
)
PROMISES = text(
    """
    SELECT m.person_id, k.starts_at, k.ends_at, k.cutoff_at
    FROM participant m JOIN competition k ON k.id = m.competition_id
    WHERE m.person_id = ANY(:people) AND k.status IN ('upcoming', 'active', 'closing')
    """
)
PLAN = text(
    """
    UPDATE fitness_connection c SET next_pull_at = x.moment
    FROM unnest(CAST(:people AS bigint[]), CAST(:moments AS timestamptz[])) AS x(person_id, moment)
    WHERE c.person_id = x.person_id AND c.status = 'active'
      AND c.next_pull_at IS DISTINCT FROM x.moment
      AND (CAST(:only AS uuid[]) IS NULL OR c.id = ANY(:only))
    """
)


def queue_due(session: Session, limit: int, now: datetime) -> Scheduled:
    """Queue pulls of at most `limit` connections that are due, and plan their next ones.

    However late it comes, each is queued once.
    """
    due = session.execute(DUE, {"now": now, "limit": limit}).all()
    promised = _promises(session, [one.person_id for one in due])
    counted = [one for one in due if _takes_data(promised.get(one.person_id, ()), now)]
    user_ids = session.scalars(
        QUEUE,
        {
            "now": now,
            "ids": [new_id() for _ in counted],
            "connections": [one.id for one in counted],
            "people": [one.person_id for one in counted],
        },
    )
    queued = list(user_ids)
    _plan(session, [one.person_id for one in due], promised, now, only=[one.id for one in due])
    return Scheduled(queued, len(due))


def _takes_data(promises: Sequence[Promise], now: datetime) -> bool:
    return any(one.starts_at <= now < one.cut_off for one in promises)


def plan(session: Session, person_ids: Collection[int], now: datetime) -> None:
    """Set when people's active connections are pulled next: after a join, a connect."""
    people = sorted(set(person_ids))
    _plan(session, people, _promises(session, people), now, only=None)


def next_pulls(session: Session, person_ids: Sequence[int], now: datetime) -> list[datetime | None]:
    """Return when each of these people is pulled next."""
    promised = _promises(session, person_ids)
    return [next_pull(one, promised.get(one, ()), now) for one in person_ids]


def _plan(
    session: Session,
    people: Sequence[int],
    promised: Mapping[int, Sequence[Promise]],
    now: datetime,
    *,
    only: Sequence[uuid.UUID] | None,
) -> None:
    people = sorted(set(people))
    moments = [next_pull(person_id, promised.get(person_id, ()), now) for person_id in people]
    session.execute(PLAN, {"people": people, "moments": moments, "only": only})


def _promises(session: Session, people: Collection[int]) -> dict[int, list[Promise]]:
    found: dict[int, list[Promise]] = {}
    for person_id, *times in session.execute(PROMISES, {"people": list(people)}).all():
        found.setdefault(person_id, []).append(Promise(*times))
    return found
