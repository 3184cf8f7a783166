"""The same views as the store's, from PostgreSQL: slower, and there when Redis has no board.

Rows may be newer than the position beside them, so a page from here must not be cached by it.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import TextClause
from sqlalchemy.orm import Session

from domain.leaderboards.board import Page, Place, Row, ranked
from domain.leaderboards.on_board import board_sql

# Each view is one statement, so that one snapshot answers. A rank is the number of strictly better
# rows, plus one; it is counted for the first row only, and the others follow from that. People are
# found through `person`, whose public id is indexed.
_VIEW = """
    WITH size AS (
        SELECT count(*) AS total FROM on_board AS participant WHERE competition_id = :id),
    %s
    SELECT board.epoch, board."offset", competition.status, size.total,
        CAST(shown.user_id AS text) AS user_id, shown.score, %s
    FROM board JOIN competition ON competition.id = board.competition_id
    CROSS JOIN size LEFT JOIN shown ON true
    WHERE board.competition_id = :id
    ORDER BY shown.score DESC, shown.user_id
"""
_SHOWN = """
    shown AS (
        SELECT user_id, score FROM on_board AS participant WHERE competition_id = :id
        ORDER BY score DESC, user_id OFFSET {start} LIMIT {limit}),
    first AS (
        SELECT count(*) + 1 AS rank FROM on_board AS participant
        WHERE competition_id = :id AND score > (SELECT max(score) FROM shown))
"""
_FIRST = "(SELECT rank FROM first) AS first_rank, {start} AS start"
_CENTRE = """
    centre AS (
        SELECT participant.user_id, score FROM on_board AS participant
        JOIN person ON person.id = participant.person_id
        WHERE competition_id = :id AND person.user_id = CAST(:centre AS uuid)),
    ahead AS (
        SELECT (SELECT count(*) FROM on_board AS better
                WHERE better.competition_id = :id AND better.score > centre.score)
            + (SELECT count(*) FROM on_board AS tied WHERE tied.competition_id = :id
                AND tied.score = centre.score AND tied.user_id < centre.user_id) AS people
        FROM centre),
    around AS (
        SELECT greatest(0, least(size.total - :limit, ahead.people - :limit / 2)) AS start
        FROM size, ahead),
"""
# All ranks down to the worst of these people in one pass over the index.
_CHOSEN = """
    chosen AS (
        SELECT participant.user_id, score FROM person
        JOIN on_board AS participant ON participant.person_id = person.id AND competition_id = :id
        WHERE person.user_id = ANY(CAST(:users AS uuid[]))),
    steps AS (
        SELECT score, lag(score) OVER best_first AS next_score,
            CAST(sum(count(*)) OVER best_first - count(*) + 1 AS bigint) AS rank
        FROM on_board AS participant
        WHERE competition_id = :id AND score >= (SELECT min(score) FROM chosen)
        GROUP BY score WINDOW best_first AS (ORDER BY score DESC)),
    shown AS (
        SELECT chosen.user_id, chosen.score, mine.rank, better.score AS next_score,
            better.rank AS next_rank
        FROM chosen JOIN steps AS mine USING (score)
        LEFT JOIN steps AS better ON better.score = mine.next_score)
"""


def _view(parts: str, columns: str, **bounds: str) -> TextClause:
    return board_sql((_VIEW % (parts, columns)).format(**bounds))


_PAGE = _view(_SHOWN, _FIRST, start=":start", limit=":limit")
_AROUND = _view(
    _CENTRE + _SHOWN,
    _FIRST,
    start="(SELECT start FROM around)",
    limit="(SELECT count(*) FROM around) * :limit",
)
_USERS = _view(_CHOSEN, "shown.rank, shown.next_score, shown.next_rank")


def page(session: Session, competition_id: uuid.UUID, start: int, limit: int) -> Page | None:
    """Return `limit` rows from the zero-based index `start`.

    None when there is no such competition; so do the others.
    """
    return _consecutive(session, _PAGE, competition_id, {"start": start, "limit": limit})


def around(session: Session, competition_id: uuid.UUID, user_id: str, limit: int) -> Page | None:
    """Return the `limit` rows around someone; no rows if they are not on the board."""
    return _consecutive(session, _AROUND, competition_id, {"centre": user_id, "limit": limit})


def users(session: Session, competition_id: uuid.UUID, user_ids: Sequence[str]) -> Page | None:
    """Return the rows of these people only, in board order and with their true ranks."""
    found = session.execute(_USERS, {"id": competition_id, "users": list(user_ids)}).all()
    rows = [Row(row.rank, row.user_id, row.score) for row in found if row.user_id is not None]
    return _page(found, rows)


def places(
    session: Session, competition_id: uuid.UUID, user_ids: Sequence[str]
) -> dict[str, Place | None]:
    """Return people's places; None for those who are not on the board."""
    found = session.execute(_USERS, {"id": competition_id, "users": list(user_ids)}).all()
    there = {row.user_id: _place(row) for row in found if row.user_id is not None}
    return {user_id: there.get(user_id) for user_id in user_ids}


def _consecutive(
    session: Session, view: TextClause, competition_id: uuid.UUID, arguments: Mapping[str, Any]
) -> Page | None:
    found = session.execute(view, {"id": competition_id, **arguments}).all()
    pairs = [(row.user_id, row.score) for row in found if row.user_id is not None]
    return _page(found, ranked(pairs, found[0].start, found[0].first_rank) if pairs else [])


def _page(found: Sequence[Any], rows: list[Row]) -> Page | None:
    if not found:
        return None
    first = found[0]
    return Page(first.epoch, first.offset, first.status, first.total, rows)


def _place(row: Any) -> Place:
    if row.next_score is None:
        return Place(row.rank, row.score, None, None)
    return Place(row.rank, row.score, row.next_rank, row.next_score - row.score)
