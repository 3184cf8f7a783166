"""Boards of finished competitions: the same views as the table's, from the standing that holds.

Redis lets them expire. A correction after the end is a new version, and shows when it is complete.
"""

import uuid
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from domain.competitions.former_scores import FORMER
from domain.competitions.standing import Line, lines, lines_at
from domain.leaderboards import table
from domain.leaderboards.board import FINISHED, TOP, Page, Place, Row
from domain.leaderboards.reader import Reading
from models import Board, Competition, Standing


class FrozenBoard(NamedTuple):
    """A complete version of a standing, and where the board stood."""

    competition_id: uuid.UUID
    standing_id: int
    version: int
    epoch: str
    offset: int
    status: str
    total: int


_NEWEST = (
    select(
        Standing.competition_id,
        Standing.id,
        Standing.version,
        Board.epoch,
        Board.offset,
        Competition.status,
        Standing.row_count,
    )
    .join(Board, Board.competition_id == Standing.competition_id)
    .join(Competition, Competition.id == Standing.competition_id)
    .where(Standing.completed_at.is_not(None), Competition.status.in_(FINISHED))
    .order_by(Standing.version.desc())
    .limit(1)
)


def find(session: Session, competition_id: uuid.UUID) -> FrozenBoard | None:
    """Return the board that holds; None unless the competition was frozen and is finished."""
    found = session.execute(_NEWEST.where(Standing.competition_id == competition_id)).first()
    return None if found is None else FrozenBoard(*found)


def page(session: Session, board: FrozenBoard, start: int, limit: int) -> Page:
    """Return `limit` rows from the zero-based index `start`."""
    return _page(board, lines(session, board.standing_id, start, limit))


def around(session: Session, board: FrozenBoard, user_id: str, limit: int) -> Page:
    """Return the `limit` rows around someone; no rows if they have no place."""
    own = _lines_of(session, board, [user_id])
    if not own:
        return _page(board, [])
    start = max(0, min(own[0].place - 1 - limit // 2, board.total - limit))
    return page(session, board, start, limit)


def users(session: Session, board: FrozenBoard, user_ids: Sequence[str]) -> Page:
    """Return the rows of these people only, in board order and with their true ranks."""
    return _page(board, _lines_of(session, board, user_ids))


def places(
    session: Session, board: FrozenBoard, user_ids: Sequence[str]
) -> dict[str, Place | None]:
    """Return people's places; None for those who have none."""
    found = _lines_of(session, board, user_ids)
    # As many stand before someone as their rank says, so the last of those is the next better one.
    before = lines_at(session, board.standing_id, {one.rank - 1 for one in found})
    better = {one.place: one for one in before}
    there = {str(one.user_id): _place(one, better.get(one.rank - 1)) for one in found}
    return {user_id: there.get(user_id) for user_id in user_ids}


def place_in(session: Session, standing: Standing, user_id: str) -> Line | None:
    """Return someone's row of any complete version; None if they have none."""
    found = _lines_in(session, standing.competition_id, standing.id, [user_id])
    return found[0] if found else None


def finished_board(
    session: Session, competition_id: uuid.UUID, user_ids: Sequence[str]
) -> Reading | None:
    """Return the top of a board that Redis need not have, and the places of some people.

    One that was cancelled before it was frozen stands as the table has it.
    """
    if (board := find(session, competition_id)) is not None:
        return Reading(page(session, board, 0, TOP), places(session, board, user_ids))
    top = table.page(session, competition_id, 0, TOP)
    if top is None or top.status not in FINISHED:
        return None
    return Reading(top, table.places(session, competition_id, user_ids))


# Few blocks have a score between their highest and lowest, unless many have that very score. OFFSET
# sees to it that nobody is looked for in the others. Public ids may have changed since.
PLACES = text(
    f"""
    WITH former AS ({FORMER})
    SELECT b.first_place + b.seat - 1
    FROM participant m JOIN person p ON p.id = m.person_id
    LEFT JOIN former f ON f.person_id = m.person_id
    CROSS JOIN LATERAL (
        SELECT first_place, array_position(person_ids, m.person_id) AS seat FROM standing_block
        WHERE standing_id = :id AND coalesce(f.score, m.score) BETWEEN low_score AND high_score
        OFFSET 0
    ) b
    WHERE m.competition_id = :competition_id AND p.user_id = ANY(CAST(:users AS uuid[]))
      AND b.seat IS NOT NULL
    """  # noqa: S608  the fragment is our own
)


def _lines_of(session: Session, board: FrozenBoard, user_ids: Sequence[str]) -> list[Line]:
    return _lines_in(session, board.competition_id, board.standing_id, user_ids)


def _lines_in(
    session: Session, competition_id: uuid.UUID, standing_id: int, user_ids: Sequence[str]
) -> list[Line]:
    asked = {"id": standing_id, "competition_id": competition_id, "users": list(user_ids)}
    return lines_at(session, standing_id, session.scalars(PLACES, asked).all())


def _page(board: FrozenBoard, found: Iterable[Line]) -> Page:
    rows = [Row(one.rank, str(one.user_id), one.score) for one in found]
    return Page(board.epoch, board.offset, board.status, board.total, rows)


def _place(own: Line, better: Line | None) -> Place:
    if better is None:
        return Place(own.rank, own.score, None, None)
    return Place(own.rank, own.score, better.rank, better.score - own.score)
