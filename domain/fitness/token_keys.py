"""Changing the key under which tokens lie: every row sealed anew, page by page.

The version of a row does not rise, for the tokens stay the same: a refresh that runs meanwhile
still stores what the vendor gave it. The version is the fence the other way round: a row that was
refreshed since it was read is left as the refresh wrote it. What is done is seen from the rows, so
it can be stopped and begun again.
"""

import uuid
from dataclasses import dataclass

from cryptography.fernet import InvalidToken
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from domain.fitness.vault import Vault
from models import FitnessToken


@dataclass
class Rotation:
    """What was done so far, in connections."""

    seen: int = 0
    resealed: int = 0
    overtaken: int = 0
    """Refreshed in the same moment; the next run looks at them again."""
    unreadable: int = 0
    """No key opens them."""
    last: uuid.UUID | None = None
    """The last connection seen; the next page follows it."""


def rotate_page(session: Session, vault: Vault, done: Rotation, limit: int) -> bool:
    """Seal at most `limit` rows anew, adding to `done`; say whether there was anything to see."""
    page = select(FitnessToken).order_by(FitnessToken.connection_id).limit(limit)
    if done.last is not None:
        page = page.where(FitnessToken.connection_id > done.last)
    rows = session.scalars(page).all()
    for row in rows:
        _rotate(session, vault, row, done)
        done.seen += 1
        done.last = row.connection_id
    return bool(rows)


def _rotate(session: Session, vault: Vault, row: FitnessToken, done: Rotation) -> None:
    try:
        refresh_token = vault.resealed(row.refresh_token)
        access_token = vault.resealed(row.access_token)
    except InvalidToken:
        done.unreadable += 1
        return
    if (refresh_token, access_token) == (row.refresh_token, row.access_token):
        return
    stored = session.execute(
        update(FitnessToken)
        .where(FitnessToken.connection_id == row.connection_id, FitnessToken.version == row.version)
        .values(refresh_token=refresh_token, access_token=access_token)
        .returning(FitnessToken.version)
        .execution_options(synchronize_session=False)
    )
    if stored.first() is None:
        done.overtaken += 1
    else:
        done.resealed += 1
