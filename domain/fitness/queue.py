"""The queue of pulls: rows are claimed under a lease and end in one of two ways.

A lease that ran out is taken over by the next claim, so a killed worker costs a minute.
"""

import random
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from domain.fitness.providers.base import DeviceStream
from domain.fitness.windows import Window, window_of_pull
from models.connection import Provider
from models.sync import SyncReason

LEASE = timedelta(seconds=60)
RENEW_AFTER = timedelta(seconds=20)
MAX_ATTEMPTS = 6
FIRST_DELAY = timedelta(seconds=4)
LONGEST_DELAY = timedelta(minutes=15)


@dataclass(frozen=True)
class Claim:
    """A pull that this worker holds, with what is needed to make it."""

    sync_id: uuid.UUID
    lease_token: uuid.UUID
    attempts: int
    reason: SyncReason
    connection_id: uuid.UUID
    person_id: int
    user_id: uuid.UUID
    provider: Provider
    window: Window
    scopes: frozenset[str]
    manual_streams: tuple[str, ...]
    device_streams: tuple[DeviceStream, ...]
    streams_listed_at: datetime | None
    day_digests: Mapping[str, str]
    access_token: bytes = field(repr=False)
    token_expires_at: datetime
    token_version: int
    request_id: str | None = None
    """Of the request that asked for it, if one did."""
    trace: str = ""
    """The traceparent of whoever asked."""


# One row per connection, because one pull per connection runs at a time. A running row whose lease
# ended counts as due. Of what is owed only that counts which touches the fetched stretch, for what
# is fetched apart from it would not be remembered.
CLAIM_ROWS = """
    WITH due AS (
        SELECT r.id, r.connection_id, r.due_at
        FROM sync_request r
        JOIN fitness_connection c ON c.id = r.connection_id AND c.status = 'active'
        WHERE (r.status = 'queued' AND r.due_at <= :now{asked}
               AND (r.reason <> 'owed' OR r.window_to >= c.fetched_from OR c.fetched_from IS NULL)
               AND NOT EXISTS (SELECT FROM sync_request o
                               WHERE o.connection_id = r.connection_id AND o.status = 'running'))
           OR (r.status = 'running' AND r.lease_until <= :now)
        ORDER BY r.due_at
        LIMIT :limit
        FOR UPDATE OF r SKIP LOCKED
    ), chosen AS (
        SELECT DISTINCT ON (connection_id) id FROM due ORDER BY connection_id, due_at
    )
    UPDATE sync_request r
    SET status = 'running', attempts = r.attempts + 1,
        lease_token = :lease_token, lease_until = :lease_until
    FROM chosen WHERE r.id = chosen.id
    RETURNING r.id
    """
CLAIM = text(CLAIM_ROWS.format(asked=""))
CLAIM_ASKED = text(CLAIM_ROWS.format(asked=" AND r.reason = 'requested'"))

DETAILS = text(
    """
    SELECT r.id AS sync_id, r.lease_token, r.attempts, r.reason, r.connection_id, r.person_id,
           p.user_id, c.provider, c.scopes, c.manual_streams, c.device_streams,
           c.streams_listed_at, c.day_digests, c.synced_until, r.window_from, r.window_to,
           r.request_id, r.trace, t.access_token, t.expires_at AS token_expires_at,
           t.version AS token_version,
           (SELECT min(k.starts_at) FROM participant m JOIN competition k ON k.id = m.competition_id
            WHERE m.person_id = r.person_id
              AND k.status IN ('upcoming', 'active', 'closing')) AS needed_from
    FROM sync_request r
    JOIN person p ON p.id = r.person_id
    JOIN fitness_connection c ON c.id = r.connection_id
    JOIN fitness_token t ON t.connection_id = c.id
    WHERE r.id = ANY(:ids)
    ORDER BY r.person_id
    """
)


def claim(
    session: Session, limit: int, now: datetime, *, unasked: int | None = None
) -> list[Claim]:
    """Take at most `limit` due pulls under one lease, one per connection; people's wishes first.

    At most `unasked` of them are what nobody asked for. Raises IntegrityError when another worker
    was first with one of them: claim again.
    """
    lease = {"lease_token": uuid.uuid4(), "lease_until": now + LEASE, "now": now}
    ids = list(session.scalars(CLAIM_ASKED, {**lease, "limit": limit}).all())
    rest = limit - len(ids) if unasked is None else min(unasked, limit - len(ids))
    if rest > 0:
        ids += session.scalars(CLAIM, {**lease, "limit": rest}).all()
    return [_claim(row, now) for row in session.execute(DETAILS, {"ids": ids}).all()]


def _claim(row: Row[Any], now: datetime) -> Claim:
    reason = SyncReason(row.reason)
    return Claim(
        sync_id=row.sync_id,
        lease_token=row.lease_token,
        attempts=row.attempts,
        reason=reason,
        connection_id=row.connection_id,
        person_id=row.person_id,
        user_id=row.user_id,
        provider=Provider(row.provider),
        window=Window(row.window_from, row.window_to)
        if reason is SyncReason.OWED
        else window_of_pull(synced_until=row.synced_until, needed_from=row.needed_from, now=now),
        scopes=frozenset(row.scopes),
        manual_streams=tuple(row.manual_streams),
        device_streams=msgspec.convert(row.device_streams, tuple[DeviceStream, ...]),
        streams_listed_at=row.streams_listed_at,
        day_digests=row.day_digests,
        access_token=row.access_token,
        token_expires_at=row.token_expires_at,
        token_version=row.token_version,
        request_id=row.request_id,
        trace=row.trace,
    )


def renew(session: Session, claims: Collection[Claim], now: datetime) -> set[uuid.UUID]:
    """Lengthen the leases that are still ours; return the pulls that they are of."""
    return set(
        session.scalars(
            text(
                "UPDATE sync_request SET lease_until = :until"
                " WHERE id = ANY(:ids) AND lease_token = ANY(:tokens) RETURNING id"
            ),
            {
                "until": now + LEASE,
                "ids": [claim.sync_id for claim in claims],
                "tokens": list({claim.lease_token for claim in claims}),
            },
        )
    )


@dataclass(frozen=True)
class Setback:
    """Why a pull did not come through."""

    claim: Claim
    code: str
    detail: str
    final: bool
    """Trying again would not help."""
    delay: timedelta | None = None
    """What the vendor asked for, or the budget."""
    counted: bool = True
    """Whether it was an attempt: a pull that our own budget held up was none."""


def put_back(session: Session, setbacks: Sequence[Setback], now: datetime) -> None:
    """Queue pulls again for later, or end those for which there is no later.

    What is owed stays owed whatever happens.
    """
    for setback in setbacks:
        held = setback.claim
        owed = held.reason is SyncReason.OWED
        over = not owed and (setback.final or (setback.counted and held.attempts >= MAX_ATTEMPTS))
        session.execute(
            text(
                "UPDATE sync_request SET status = :status, lease_token = NULL, lease_until = NULL,"
                " attempts = :attempts,"
                " due_at = :due_at, finished_at = :finished_at, error_code = :code,"
                " error_detail = :detail WHERE id = :id AND lease_token = :lease_token"
            ),
            {
                "status": "failed" if over else "queued",
                # Never 0 again: a follow-up may be queued by now, of which there is one.
                "attempts": held.attempts if setback.counted else max(held.attempts - 1, 1),
                "due_at": now + _delay_of(setback),
                "finished_at": now if over else None,
                "code": setback.code if over else None,
                "detail": setback.detail,
                "id": held.sync_id,
                "lease_token": held.lease_token,
            },
        )


def _delay_of(setback: Setback) -> timedelta:
    if not setback.counted and setback.delay is not None:
        return setback.delay
    return delay_before(setback.claim.attempts, setback.delay)


def delay_before(attempts: int, asked: timedelta | None) -> timedelta:
    """Return how long to wait: doubling, with jitter, and never less than the vendor asked."""
    doubled: timedelta = min(FIRST_DELAY * 2 ** min(attempts - 1, 12), LONGEST_DELAY)
    return max(doubled * random.uniform(0.5, 1.0), asked or timedelta(0))


def give_up_on_the_cursed(session: Session, now: datetime) -> list[uuid.UUID]:
    """End pulls that killed their worker each time; return them."""
    return list(
        session.scalars(
            text(
                "UPDATE sync_request SET status = 'failed', lease_token = NULL, lease_until = NULL,"
                " finished_at = :now, error_code = 'attempts_exhausted',"
                " error_detail = 'Every attempt ended without an answer.'"
                " WHERE status = 'running' AND lease_until <= :now AND attempts >= :most"
                " AND reason <> 'owed' RETURNING id"
            ),
            {"now": now, "most": MAX_ATTEMPTS},
        )
    )


def any_due(session: Session, now: datetime) -> bool:
    """Say whether a pull waits that could be claimed now."""
    return bool(
        session.scalar(
            text(
                "SELECT EXISTS (SELECT FROM sync_request r"
                " JOIN fitness_connection c ON c.id = r.connection_id AND c.status = 'active'"
                " WHERE (r.status = 'queued' AND r.due_at <= :now)"
                " OR (r.status = 'running' AND r.lease_until <= :now))"
            ),
            {"now": now},
        )
    )
