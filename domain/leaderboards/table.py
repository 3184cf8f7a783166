"""The same views as the store's, from PostgreSQL: slower, and there when Redis has no board.

Rows may be newer than the position beside them, so a page from here must not be cached by it.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from domain.leaderboards.board import Page, Row

# Each view is one statement, so that one snapshot answers. rank() is the number of strictly better
# rows, plus one. People are found through `person`, whose public id is indexed.
_VIEW = """
    WITH size AS (SELECT count(*) AS total FROM participant WHERE competition_id = :id),
    me AS ({me}),
    {parts}
    SELECT board.epoch, board."offset", competition.status, size.total,
        me.rank AS my_rank, me.score AS my_score,
        shown.rank, CAST(shown.user_id AS text) AS user_id, shown.score
    FROM board JOIN competition ON competition.id = board.competition_id
    CROSS JOIN size LEFT JOIN me ON true LEFT JOIN shown ON true
    WHERE board.competition_id = :id
    ORDER BY shown.score DESC, shown.user_id
"""
_ME = """
    SELECT mine.score, (SELECT count(*) + 1 FROM participant AS better
        WHERE better.competition_id = :id AND better.score > mine.score) AS rank
    FROM participant AS mine JOIN person ON person.id = mine.person_id
    WHERE mine.competition_id = :id AND person.user_id = CAST(:caller AS uuid)
"""
_RANKING = """
    SELECT rank() OVER (ORDER BY score DESC) AS rank, user_id, score
    FROM participant WHERE competition_id = :id
"""
_SLICE = _RANKING + " ORDER BY score DESC, user_id OFFSET ({start}) LIMIT :limit"
_AHEAD = """
    SELECT (SELECT count(*) FROM participant AS other WHERE other.competition_id = :id
        AND (other.score > mine.score
            OR other.score = mine.score AND other.user_id < mine.user_id)) AS people
    FROM participant AS mine JOIN person ON person.id = mine.person_id
    WHERE mine.competition_id = :id AND person.user_id = CAST(:centre AS uuid)
"""
_CENTRED = """
    SELECT greatest(0, least(size.total - :limit, ahead.people - :limit / 2)) FROM size, ahead
"""


def _view(*parts: str) -> TextClause:
    return text(_VIEW.format(me=_ME, parts=", ".join(parts)))


_PAGE = _view(f"shown AS ({_SLICE.format(start=':start')})")
_AROUND = _view(
    f"ahead AS ({_AHEAD})",
    f"nearby AS ({_SLICE.format(start=_CENTRED)})",
    "shown AS (SELECT nearby.* FROM nearby WHERE EXISTS (SELECT FROM ahead))",
)
_USERS = _view(
    f"ranking AS ({_RANKING})",
    "shown AS (SELECT * FROM ranking WHERE user_id = ANY(CAST(:users AS uuid[])))",
)


def page(
    session: Session, competition_id: uuid.UUID, start: int, limit: int, caller: str | None = None
) -> tuple[Page, Row | None] | None:
    """Return `limit` rows from the zero-based index `start`, and the caller's own row.

    None when there is no such competition; so do the others.
    """
    return _read(session, _PAGE, competition_id, caller, {"start": start, "limit": limit})


def around(
    session: Session,
    competition_id: uuid.UUID,
    user_id: str,
    limit: int,
    caller: str | None = None,
) -> tuple[Page, Row | None] | None:
    """Return the `limit` rows around someone; no rows if they are not on the board."""
    return _read(session, _AROUND, competition_id, caller, {"centre": user_id, "limit": limit})


def users(
    session: Session,
    competition_id: uuid.UUID,
    user_ids: Sequence[str],
    caller: str | None = None,
) -> tuple[Page, Row | None] | None:
    """Return the rows of these people only, in board order and with their true ranks."""
    return _read(session, _USERS, competition_id, caller, {"users": list(user_ids)})


def _read(
    session: Session,
    view: TextClause,
    competition_id: uuid.UUID,
    caller: str | None,
    arguments: Mapping[str, Any],
) -> tuple[Page, Row | None] | None:
    found = session.execute(view, {"id": competition_id, "caller": caller, **arguments}).all()
    if not found:
        return None
    first = found[0]
    rows = [Row(row.rank, row.user_id, row.score) for row in found if row.user_id is not None]
    me = None
    if caller is not None and first.my_rank is not None:
        me = Row(first.my_rank, caller, first.my_score)
    return Page(first.epoch, first.offset, first.status, first.total, rows), me
