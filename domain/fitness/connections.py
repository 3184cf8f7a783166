"""A person's accounts at vendors."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.errors import Conflict, NotFound
from domain.fitness import schedule
from domain.fitness.google_oauth import Grant
from domain.fitness.owed import owe_what_is_missing
from domain.fitness.vault import Vault
from domain.ids import new_id
from domain.locks import lock_account, lock_people
from models import Consent, FitnessConnection, FitnessToken, Person, SyncRequest
from models.connection import ConnectionStatus, Provider
from models.sync import SyncStatus


@dataclass(frozen=True)
class Disconnected:
    """A connection that ended, and the token to give back to the vendor."""

    connection: FitnessConnection
    refresh_token: bytes | None = field(repr=False)
    """Sealed; null when it was disconnected before."""


def connect(
    session: Session,
    vault: Vault,
    person: Person,
    provider: Provider,
    grant: Grant,
    now: datetime,
    consent_version: str | None = None,
) -> FitnessConnection:
    """Store a grant, and write down the consent to it.

    A person has one connection per provider; connecting again renews it. `consent_version` is the
    app's name for the words that it showed.

    Raises Conflict: `refresh_token_missing` when Google gave none and none is stored (the app must
    ask for consent again), `account_in_use` when another person has this account. Raises NotFound
    (`account_gone`) when the person was erased meanwhile.
    """
    lock_account(session, person.id)
    connection = session.scalar(
        select(FitnessConnection).where(
            FitnessConnection.person_id == person.id, FitnessConnection.provider == provider
        )
    )
    if connection is None:
        connection = FitnessConnection(id=new_id(), person_id=person.id, provider=provider)
        session.add(connection)
    elif connection.subject != grant.subject or not set(connection.scopes).issuperset(grant.scopes):
        # What was fetched came from another account, or without what can be seen now.
        connection.fetched_from = connection.synced_until = None
    connection.status = ConnectionStatus.ACTIVE
    connection.subject = grant.subject
    connection.scopes = grant.scopes
    connection.connected_at = now
    connection.streams_listed_at = None
    try:
        session.flush()  # the token refers to it, and the account may be somebody else's
    except IntegrityError as error:
        raise Conflict(
            "This account is connected by someone else.", code="account_in_use"
        ) from error
    _store_token(session, vault, connection, grant)
    session.add(
        Consent(
            person_id=person.id,
            provider=provider,
            scopes=grant.scopes,
            version=consent_version,
            given_at=now,
        )
    )
    owe_what_is_missing(session, [person.id], now)
    schedule.plan(session, [person.id], now)
    session.refresh(connection)
    return connection


def _store_token(
    session: Session, vault: Vault, connection: FitnessConnection, grant: Grant
) -> None:
    access = {"access_token": vault.seal(grant.access_token), "expires_at": grant.expires_at}
    if grant.refresh_token is None:
        kept = session.execute(
            update(FitnessToken)
            .where(FitnessToken.connection_id == connection.id)
            .values(**access, version=FitnessToken.version + 1)
            .returning(FitnessToken.version)
        ).first()
        if kept is None:
            raise Conflict(
                "Google gave no refresh token; ask for consent again.", code="refresh_token_missing"
            )
        return
    values = {**access, "refresh_token": vault.seal(grant.refresh_token)}
    session.execute(
        insert(FitnessToken)
        .values(connection_id=connection.id, version=1, **values)
        .on_conflict_do_update(
            index_elements=[FitnessToken.connection_id],
            set_={**values, "version": FitnessToken.version + 1},
        )
    )


def list_connections(session: Session, person: Person) -> list[FitnessConnection]:
    """Return a person's connections, also the disconnected ones, oldest first."""
    return list(
        session.scalars(
            select(FitnessConnection)
            .where(FitnessConnection.person_id == person.id)
            .order_by(FitnessConnection.id)
        )
    )


def disconnect(
    session: Session, person: Person, connection_id: uuid.UUID, now: datetime
) -> Disconnected:
    """End a connection and forget its tokens; the history stays. Raises NotFound."""
    lock_people(session, [person.id])
    connection = session.scalar(
        select(FitnessConnection).where(
            FitnessConnection.id == connection_id, FitnessConnection.person_id == person.id
        )
    )
    if connection is None:
        raise NotFound("You have no such connection.", code="connection_not_found")
    connection.status = ConnectionStatus.DISCONNECTED
    connection.next_pull_at = None
    session.execute(
        update(SyncRequest)
        .where(
            SyncRequest.connection_id == connection.id,
            SyncRequest.status.in_([SyncStatus.QUEUED, SyncStatus.RUNNING]),
        )
        .values(
            status=SyncStatus.FAILED,
            finished_at=now,
            lease_token=None,
            lease_until=None,
            error_code="disconnected",
            error_detail="The connection was ended.",
        )
    )
    token = session.scalar(
        delete(FitnessToken)
        .where(FitnessToken.connection_id == connection.id)
        .returning(FitnessToken.refresh_token)
    )
    return Disconnected(connection, token)
