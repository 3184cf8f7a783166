"""The vendor's tokens of a connection: reading, replacing behind a fence, and their end."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from domain.fitness.google_oauth import Grant
from domain.fitness.vault import Vault
from models import FitnessToken


@dataclass(frozen=True)
class Tokens:
    """A connection's tokens in the clear, as of `version`."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    version: int


def read_tokens(session: Session, vault: Vault, connection_id: uuid.UUID) -> Tokens | None:
    """Return the newest tokens, or None once disconnected."""
    row = session.scalar(select(FitnessToken).where(FitnessToken.connection_id == connection_id))
    if row is None:
        return None
    return Tokens(vault.open(row.access_token), vault.open(row.refresh_token), row.version)


def replace_tokens(
    session: Session, vault: Vault, connection_id: uuid.UUID, known: Tokens, grant: Grant
) -> bool:
    """Store a refreshed grant unless the row has moved on since `known`; say whether stored."""
    stored = session.execute(
        update(FitnessToken)
        .where(FitnessToken.connection_id == connection_id, FitnessToken.version == known.version)
        .values(
            access_token=vault.seal(grant.access_token),
            refresh_token=vault.seal(grant.refresh_token or known.refresh_token),
            expires_at=grant.expires_at,
            version=known.version + 1,
        )
        .returning(FitnessToken.version)
    )
    return stored.first() is not None


def require_reauth(
    session: Session, connection_id: uuid.UUID, known: Tokens, now: datetime
) -> bool:
    """Mark the grant as gone, unless the tokens were replaced since `known`; say whether marked.

    What waited for this connection fails with the same code.
    """
    marked = session.execute(
        text(
            "UPDATE fitness_connection c SET status = 'reauth_required', next_pull_at = NULL"
            " FROM fitness_token t WHERE c.id = :id AND t.connection_id = c.id"
            " AND t.version = :version AND c.status = 'active' RETURNING c.id"
        ),
        {"id": connection_id, "version": known.version},
    ).first()
    if marked is None:
        return False
    session.execute(
        text(
            "UPDATE sync_request SET status = 'failed', finished_at = :now,"
            " error_code = 'reauth_required', error_detail = 'The grant is gone; connect again.'"
            " WHERE connection_id = :id AND status = 'queued' AND reason <> 'owed'"
        ),
        {"id": connection_id, "now": now},
    )
    return True
