"""Syncs as people ask for them and see them."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import and_, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.errors import Conflict, Invalid, NotFound
from domain.ids import new_id
from models import FitnessConnection, Person, SyncRequest
from models.connection import ConnectionStatus, Provider
from models.sync import SyncReason, SyncStatus

KEPT = timedelta(days=30)
"""How long a person may ask what became of a sync."""
UNASKED_KEPT = timedelta(days=7)
"""The same for pulls that the schedule made, of which there are many."""
UNASKED_SEARCHED = timedelta(days=1)
"""Longer, and what people asked for would be read again and again; the rest goes after 30 days."""
DELETED_AT_ONCE = 10_000
JUST_NOW = timedelta(minutes=5)
"""What has ended since is counted for those who watch."""


@dataclass(frozen=True)
class Asked:
    """A queued sync, and whether it had been queued before."""

    sync: SyncRequest
    provider: Provider
    coalesced: bool


@dataclass(frozen=True)
class SyncSeen:
    """A sync with the provider that it pulls from."""

    sync: SyncRequest
    provider: Provider


class Outcome(NamedTuple):
    """How pulls ended, and how many."""

    status: SyncStatus
    error_code: str | None
    number: int


def request_sync(
    session: Session,
    person: Person,
    provider: Provider | None,
    now: datetime,
    request_id: str | None = None,
) -> Asked:
    """Queue a pull of one connection, or return the one that waits already.

    One that waits because of the schedule becomes the person's own wish. Raises Conflict
    (`not_connected`, `reauth_required`) or Invalid (`provider_required`).
    """
    connection = _connection_to_sync(session, person, provider)
    waiting = (
        update(SyncRequest)
        .where(
            SyncRequest.connection_id == connection.id,
            SyncRequest.status == SyncStatus.QUEUED,
            SyncRequest.reason != SyncReason.OWED,
        )
        .values(
            reason=SyncReason.REQUESTED,
            request_id=func.coalesce(SyncRequest.request_id, request_id),
        )
        .returning(SyncRequest)
    )
    while True:
        if sync := session.scalars(waiting).first():
            return Asked(sync, connection.provider, coalesced=True)
        sync = session.scalar(
            insert(SyncRequest)
            .values(
                id=new_id(),
                connection_id=connection.id,
                person_id=person.id,
                reason=SyncReason.REQUESTED,
                status=SyncStatus.QUEUED,
                requested_at=now,
                due_at=now,
                request_id=request_id,
            )
            .on_conflict_do_nothing()
            .returning(SyncRequest)
        )
        # Someone else's was in the way; it is there to be found, unless a worker has taken it.
        if sync is not None:
            return Asked(sync, connection.provider, coalesced=False)


def _connection_to_sync(
    session: Session, person: Person, provider: Provider | None
) -> FitnessConnection:
    connections = session.scalars(
        select(FitnessConnection)
        .where(
            FitnessConnection.person_id == person.id,
            FitnessConnection.status != ConnectionStatus.DISCONNECTED,
        )
        # It must not end between this look and the insert, or the sync would wait for ever.
        .with_for_update(read=True)
    ).all()
    if provider is None and len(connections) > 1:
        raise Invalid(
            "You have several connections; name the provider.",
            loc=("body", "provider"),
            code="provider_required",
        )
    for connection in connections:
        if provider in {None, connection.provider}:
            if connection.status is ConnectionStatus.REAUTH_REQUIRED:
                raise Conflict("The grant is gone; connect again.", code="reauth_required")
            return connection
    raise Conflict("Nothing is connected.", code="not_connected")


def get_sync(session: Session, person: Person, sync_id: uuid.UUID) -> SyncSeen:
    """Return one of a person's syncs. Raises NotFound."""
    found = session.execute(
        select(SyncRequest, FitnessConnection.provider)
        .join(FitnessConnection, FitnessConnection.id == SyncRequest.connection_id)
        .where(SyncRequest.id == sync_id, SyncRequest.person_id == person.id)
    ).first()
    if found is None:
        raise NotFound("You have no such sync.", code="sync_not_found")
    return SyncSeen(*found)


def delete_ended(session: Session, now: datetime) -> int:
    """Delete syncs that ended long ago, some at a time; return how many. A debt stays."""
    ended = SyncRequest.finished_at
    long_ago, unasked = now - KEPT, now - UNASKED_KEPT
    is_unasked = and_(
        ended.between(unasked - UNASKED_SEARCHED, unasked),
        SyncRequest.reason == SyncReason.SCHEDULED,
    )
    deleted = 0
    for is_old in (ended < long_ago, is_unasked):
        old = select(SyncRequest.id).where(is_old).limit(DELETED_AT_ONCE)
        gone = delete(SyncRequest).where(SyncRequest.id.in_(old)).returning(SyncRequest.id)
        deleted += len(session.scalars(gone).all())
    return deleted


def outcomes(session: Session, now: datetime) -> list[Outcome]:
    """Return how the pulls of the last 5 minutes ended."""
    ended = (
        select(SyncRequest.status, SyncRequest.error_code, func.count())
        .where(SyncRequest.finished_at > now - JUST_NOW)
        .group_by(SyncRequest.status, SyncRequest.error_code)
    )
    return [Outcome(*row) for row in session.execute(ended)]
