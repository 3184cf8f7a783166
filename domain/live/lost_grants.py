"""Who must renew a grant."""

import uuid
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import FitnessConnection, Person
from models.connection import ConnectionStatus


def who_lost_a_grant(session: Session, user_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of whom a vendor no longer honours a grant."""
    return set(
        session.scalars(
            select(Person.user_id)
            .join(FitnessConnection, FitnessConnection.person_id == Person.id)
            .where(
                Person.user_id.in_(user_ids),
                FitnessConnection.status == ConnectionStatus.REAUTH_REQUIRED,
            )
        )
    )
