"""Reading frozen standings. Only complete versions are seen; without a version, the newest."""

import uuid
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from domain.competitions.former_scores import FORMER
from domain.errors import NotFound
from domain.leaderboards.board import Place, Row
from models import Person, Standing, StandingRow


class View(NamedTuple):
    """Rows of a version, as a board shows them."""

    version: int
    total: int
    rows: list[Row]


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


def page(session: Session, competition_id: uuid.UUID, start: int, limit: int) -> View | None:
    """Return `limit` rows from the zero-based index `start`; None when nothing is frozen."""
    if (standing := newest(session, competition_id)) is None:
        return None
    return _view(standing, lines(session, standing.id, start, limit))


def around(
    session: Session, competition_id: uuid.UUID, user_id: uuid.UUID, limit: int
) -> View | None:
    """Return the `limit` rows around someone; no rows if they have no place."""
    if (standing := newest(session, competition_id)) is None:
        return None
    centre = _lines_of(session, standing, [user_id])
    if not centre:
        return _view(standing, [])
    first = min(centre[0].place - 1 - limit // 2, standing.row_count - limit)
    return _view(standing, lines(session, standing.id, max(0, first), limit))


def users(
    session: Session, competition_id: uuid.UUID, user_ids: Collection[uuid.UUID]
) -> View | None:
    """Return the rows of these people only, in order of place."""
    if (standing := newest(session, competition_id)) is None:
        return None
    return _view(standing, _lines_of(session, standing, user_ids))


def place_of(session: Session, competition_id: uuid.UUID, user_id: uuid.UUID) -> Place | None:
    """Return someone's place and how far the next better one is; None if they have none."""
    if (standing := newest(session, competition_id)) is None:
        return None
    own = _lines_of(session, standing, [user_id])
    if not own:
        return None
    rank, score = own[0].rank, own[0].score
    # As many stand before someone as their rank says, so the last of those is the next better one.
    better = lines(session, standing.id, rank - 2, 1) if rank > 1 else []
    if not better:
        return Place(rank, score, None, None)
    return Place(rank, score, better[0].rank, better[0].score - score)


# Scores fall with the place, so the first place of a score is found by halving; among equals the
# person is looked for.
PLACES = text(
    f"""
    WITH former AS ({FORMER}),
    asked AS (
        SELECT m.person_id, coalesce(f.score, m.score) AS score
        FROM participant m JOIN person p ON p.id = m.person_id
        LEFT JOIN former f ON f.person_id = m.person_id
        WHERE m.competition_id = :competition_id AND p.user_id = ANY(CAST(:users AS uuid[]))
    )
    SELECT found.place
    FROM asked m
    CROSS JOIN LATERAL (
        WITH RECURSIVE halved AS (
            SELECT 1 AS low, CAST(:total AS integer) + 1 AS high
            UNION ALL
            SELECT CASE WHEN r.score > m.score THEN r.place + 1 ELSE h.low END,
                   CASE WHEN r.score > m.score THEN h.high ELSE r.place END
            FROM halved h
            JOIN standing_row r ON r.standing_id = :id AND r.place = (h.low + h.high) / 2
            WHERE h.low < h.high
        )
        SELECT max(low) AS place FROM halved
    ) first
    CROSS JOIN LATERAL (
        SELECT r.place FROM standing_row r
        WHERE r.standing_id = :id AND r.place >= first.place AND r.person_id = m.person_id
          AND r.score = m.score
        ORDER BY r.place LIMIT 1
    ) found
    """  # noqa: S608  the fragment is our own
)


def _lines_of(session: Session, standing: Standing, user_ids: Collection[uuid.UUID]) -> list[Line]:
    places = session.scalars(
        PLACES,
        {
            "id": standing.id,
            "competition_id": standing.competition_id,
            "total": standing.row_count,
            "users": list(user_ids),
        },
    ).all()
    found = _LINES.where(StandingRow.standing_id == standing.id, StandingRow.place.in_(places))
    return [Line(*row) for row in session.execute(found)]


def _view(standing: Standing, found: Sequence[Line]) -> View:
    rows = [Row(one.rank, str(one.user_id), one.score) for one in found]
    return View(standing.version, standing.row_count, rows)
