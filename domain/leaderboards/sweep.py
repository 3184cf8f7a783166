"""The sweep: find the boards whose picture in Redis is not what the table knows."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.leaderboards.board import Head, Picture
from domain.leaderboards.marks import marked_boards
from domain.leaderboards.store import BoardStore

AT_ONCE = 1000
"""Boards compared in one round trip."""

_LIVE = text("""
    SELECT board.competition_id, board.epoch, board."offset", board.lineage, competition.status
    FROM board JOIN competition ON competition.id = board.competition_id
    WHERE competition.status IN ('upcoming', 'active', 'closing', 'provisional')
        AND (board.rebuild_until IS NULL OR board.rebuild_until <= :now)
""")


class Known(NamedTuple):
    """What the table knows of a live board."""

    competition_id: uuid.UUID
    picture: Picture
    marked: bool


class Found(NamedTuple):
    """Boards to mend: those to rebuild, and those that show an older status."""

    lost: list[uuid.UUID]
    stale: list[uuid.UUID]


def known_boards(session: Session, now: datetime) -> list[Known]:
    """Return the live boards that no rebuild is at."""
    marked = marked_boards(session)
    return [
        Known(row.competition_id, Picture(Head(*row[1:4]), row.status), row[0] in marked)
        for row in session.execute(_LIVE, {"now": now})
    ]


def compare(store: BoardStore, known: Iterable[Known]) -> Found:
    """Compare with Redis. Call with no unit of work open; a rebuild looks again under the lock."""
    boards = list(known)
    found = Found([], [])
    for first in range(0, len(boards), AT_ONCE):
        page = boards[first : first + AT_ONCE]
        shown = store.pictures(board.competition_id for board in page)
        for board in page:
            picture = shown[board.competition_id]
            if picture is None or _differs(board, picture.head):
                found.lost.append(board.competition_id)
            elif picture.status != board.picture.status:
                found.stale.append(board.competition_id)
    return found


def _differs(known: Known, shown: Head) -> bool:
    expected = known.picture.head
    if shown.epoch != expected.epoch or shown.offset <= expected.offset:
        return shown != expected
    # Ahead with marks is a flush at work, or one that died and will be repeated.
    return not known.marked
