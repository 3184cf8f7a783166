"""Syncs as people ask for them and see them."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.errors import Conflict, Invalid, NotFound
from domain.fitness.windows import Window
from domain.ids import new_id
from models import FitnessConnection, Person, SyncRequest
from models.connection import ConnectionStatus, Provider
from models.sync import SyncReason, SyncStatus


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


def request_sync(
    session: Session, person: Person, provider: Provider | None, now: datetime
) -> Asked:
    """Queue a pull of one connection, or return the one that waits already.

    Raises Conflict (`not_connected`, `reauth_required`) or Invalid (`provider_required`).
    """
    connection = _connection_to_sync(session, person, provider)
    waiting = select(SyncRequest).where(
        SyncRequest.connection_id == connection.id,
        SyncRequest.status == SyncStatus.QUEUED,
        SyncRequest.reason != SyncReason.OWED,
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
        select(FitnessConnection).where(
            FitnessConnection.person_id == person.id,
            FitnessConnection.status != ConnectionStatus.DISCONNECTED,
        )
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


def owe_window(
    session: Session,
    connection: FitnessConnection,
    window: tuple[datetime, datetime],
    now: datetime,
) -> None:
    """Queue a stretch of the past, cut into calls, until it is fetched."""
    session.add_all(
        SyncRequest(
            id=new_id(),
            connection_id=connection.id,
            person_id=connection.person_id,
            reason=SyncReason.OWED,
            status=SyncStatus.QUEUED,
            requested_at=now,
            due_at=now,
            window_from=call.start,
            window_to=call.end,
        )
        for call in Window(*window).calls()
    )


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
