"""The life of a competition, moved by the clock."""

import uuid
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from domain.leaderboards.marks import mark_dirty
from models import Competition
from models.competition import CompetitionStatus

DUE = (
    (CompetitionStatus.UPCOMING, CompetitionStatus.ACTIVE, Competition.starts_at),
    (CompetitionStatus.ACTIVE, CompetitionStatus.CLOSING, Competition.ends_at),
)
"""In order, so that one sweep takes a competition through all that it owes."""


def advance_due(session: Session, now: datetime) -> list[uuid.UUID]:
    """Move every competition to the state that its times say; return those that moved."""
    moved: list[uuid.UUID] = []
    for before, after, due in DUE:
        moved += session.scalars(
            update(Competition)
            .where(Competition.status == before, due <= now)
            .values(status=after)
            .returning(Competition.id)
            .execution_options(synchronize_session=False)
        )
    mark_dirty(session, [(competition_id, None) for competition_id in moved])
    return moved
