"""Marks: which scores have changed since the picture in Redis was last brought up to date."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

# A skip scan: the index is probed once for each marked board, however many marks it has.
_MARKED_BOARDS = text("""
    WITH RECURSIVE marked AS (
        (SELECT competition_id, marked_at FROM board_dirty ORDER BY competition_id, id LIMIT 1)
        UNION ALL
        SELECT next.competition_id, next.marked_at
        FROM marked CROSS JOIN LATERAL (
            SELECT dirty.competition_id, dirty.marked_at FROM board_dirty AS dirty
            WHERE dirty.competition_id > marked.competition_id
            ORDER BY dirty.competition_id, dirty.id LIMIT 1) AS next
    )
    SELECT competition_id, marked_at FROM marked
""")

_TRACES = text("""
    SELECT DISTINCT trace FROM (
        SELECT trace FROM board_dirty WHERE competition_id = :id ORDER BY id LIMIT :most) AS oldest
    WHERE trace <> ''
""")


def mark_dirty(session: Session, pairs: Iterable[tuple[uuid.UUID, int | None]]) -> None:
    """Mark `(competition_id, person_id)` pairs, in the transaction that changed what they show.

    No person means that the competition's own status has changed. Ring `leaderboards.flush` after
    the commit.
    """
    marked = list(pairs)
    if not marked:
        return
    session.execute(
        text(
            "INSERT INTO board_dirty (competition_id, person_id)"
            " SELECT * FROM unnest(CAST(:competitions AS uuid[]), CAST(:people AS bigint[]))"
        ),
        {
            "competitions": [competition_id for competition_id, _ in marked],
            "people": [person_id for _, person_id in marked],
        },
    )


def mark_person(session: Session, person_id: int) -> None:
    """Mark someone on every board that is still live, so that watchers get their line again."""
    session.execute(
        text(
            "INSERT INTO board_dirty (competition_id, person_id)"
            " SELECT participant.competition_id, participant.person_id FROM participant"
            " JOIN competition ON competition.id = participant.competition_id"
            " WHERE participant.person_id = :person"
            " AND competition.status IN ('upcoming', 'active', 'closing', 'provisional')"
        ),
        {"person": person_id},
    )


def marked_boards(session: Session) -> dict[uuid.UUID, datetime]:
    """Return the competitions whose boards have marks, each with the time of its oldest."""
    return {row.competition_id: row.marked_at for row in session.execute(_MARKED_BOARDS)}


def traces_of_marks(session: Session, competition_id: uuid.UUID, most: int) -> list[str]:
    """Return the traces of a board's `most` oldest marks, each once."""
    return list(session.scalars(_TRACES, {"id": competition_id, "most": most}))
