"""Reading frozen standings. Only complete versions are seen; without a version, the newest."""

import uuid
from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.errors import NotFound
from models import Person, Standing, StandingRow


class Line(NamedTuple):
    """A row of a version in full."""

    place: int
    rank: int
    user_id: uuid.UUID
    display_name: str
    score: int
    computed: int
    posted: int


def versions(session: Session, competition_id: uuid.UUID) -> list[Standing]:
    """Return the complete versions, the newest first."""
    found = select(Standing).where(
        Standing.competition_id == competition_id, Standing.completed_at.is_not(None)
    )
    return list(session.scalars(found.order_by(Standing.version.desc())))


def newest(session: Session, competition_id: uuid.UUID) -> Standing | None:
    """Return the version that holds, if the competition is frozen."""
    found = select(Standing).where(
        Standing.competition_id == competition_id, Standing.completed_at.is_not(None)
    )
    return session.scalar(found.order_by(Standing.version.desc()).limit(1))


def get_version(session: Session, competition_id: uuid.UUID, version: int | None) -> Standing:
    """Return a complete version. Raises NotFound (`standing_not_found`)."""
    if version is None:
        found = newest(session, competition_id)
    else:
        found = session.scalar(
            select(Standing).where(
                Standing.competition_id == competition_id,
                Standing.version == version,
                Standing.completed_at.is_not(None),
            )
        )
    if found is None:
        raise NotFound("There is no such standing, or not yet.", code="standing_not_found")
    return found


_LINES = (
    select(
        StandingRow.place,
        StandingRow.rank,
        Person.user_id,
        Person.display_name,
        StandingRow.score,
        StandingRow.computed,
        StandingRow.posted,
    )
    .join(Person, Person.id == StandingRow.person_id)
    .order_by(StandingRow.place)
)


def lines(session: Session, standing_id: int, after: int, limit: int) -> list[Line]:
    """Return at most `limit` rows in full that follow the place `after`."""
    found = _LINES.where(StandingRow.standing_id == standing_id, StandingRow.place > after)
    return [Line(*row) for row in session.execute(found.limit(limit))]


def lines_at(session: Session, standing_id: int, places: Collection[int]) -> list[Line]:
    """Return the rows at these places, in their order."""
    found = _LINES.where(StandingRow.standing_id == standing_id, StandingRow.place.in_(places))
    return [Line(*row) for row in session.execute(found)] if places else []
