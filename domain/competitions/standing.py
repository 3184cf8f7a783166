"""Reading frozen standings. Only complete versions are seen; without a version, the newest."""

import uuid
from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from domain.errors import NotFound
from models import Standing


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


_LINES = text(
    """
    SELECT r.place, r.rank, p.user_id, p.display_name, r.score, r.computed, r.posted
    FROM standing_places(:id, :first, :last) r JOIN person p ON p.id = r.person_id
    ORDER BY r.place
    """
)
# Of a block that holds one of them, all others would be made rows too. Beyond the last is nobody.
_LINES_AT = text(
    """
    SELECT r.place, r.rank, p.user_id, p.display_name, r.score, r.computed, r.posted
    FROM unnest(CAST(:places AS integer[])) AS asked (place)
    CROSS JOIN LATERAL (
        SELECT asked.place, ranks[seat] AS rank, person_ids[seat] AS person_id,
               scores[seat] AS score, computed[seat] AS computed, posted[seat] AS posted
        FROM standing_block CROSS JOIN LATERAL (VALUES (asked.place - first_place + 1)) s (seat)
        WHERE standing_id = :id AND first_place <= asked.place
        ORDER BY first_place DESC LIMIT 1
    ) r
    JOIN person p ON p.id = r.person_id
    ORDER BY r.place
    """
)


def lines(session: Session, standing_id: int, after: int, limit: int) -> list[Line]:
    """Return at most `limit` rows in full that follow the place `after`."""
    asked = {"id": standing_id, "first": after + 1, "last": after + limit}
    return [Line(*row) for row in session.execute(_LINES, asked)]


def lines_at(session: Session, standing_id: int, places: Collection[int]) -> list[Line]:
    """Return the rows at these places, in their order."""
    asked = {"id": standing_id, "places": list(places)}
    return [Line(*row) for row in session.execute(_LINES_AT, asked)] if places else []
