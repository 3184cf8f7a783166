"""The flush: carry marked scores from PostgreSQL into a board's picture in Redis."""

import enum
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.leaderboards.board import FINISHED, Head
from domain.leaderboards.on_board import board_sql
from domain.leaderboards.store import BoardStore

MARKS = 1000
"""Marks that one flush takes, so that its script stays short."""
TRIES = 3
"""Scripts of flushers that died may come in late, one before each of ours."""

# The table of marks is empty most of the time, so its statistics know nothing of a backlog; without
# bitmaps the oldest marks are read in the order of their index, and not all of them sorted.
_LOCK = text("""
    SELECT epoch, "offset", lineage, set_config('enable_bitmapscan', 'off', true) FROM board
    WHERE competition_id = :id AND (rebuild_until IS NULL OR rebuild_until <= :now)
    FOR UPDATE SKIP LOCKED
""")
_TAKE_MARKS = text("""
    DELETE FROM board_dirty WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM board_dirty WHERE competition_id = :id ORDER BY id LIMIT :marks))
    RETURNING person_id
""")
_CHANGES = board_sql("""
    SELECT competition.status, CAST(coalesce(participant.user_id, gone.user_id) AS text),
        participant.score
    FROM competition
    LEFT JOIN unnest(CAST(:people AS bigint[])) AS marked(person_id) ON true
    LEFT JOIN on_board AS participant ON participant.competition_id = competition.id
        AND participant.person_id = marked.person_id
    LEFT JOIN person AS gone
        ON gone.id = CASE WHEN participant.score IS NULL THEN marked.person_id END
    WHERE competition.id = :id
""")
_MOVE = text("""
    UPDATE board SET epoch = :epoch, "offset" = :offset, lineage = :lineage
    WHERE competition_id = :id
""")


class Outcome(enum.StrEnum):
    """How a flush of one board ended."""

    FLUSHED = "flushed"
    NOTHING = "nothing"
    """There were no marks."""
    BUSY = "busy"
    """Another flusher or a rebuild has the board; it looks again when it is done."""
    LOST = "lost"
    """Redis has not the picture that this table knows: it has to be rebuilt."""


class Changes(NamedTuple):
    """What a flush tells Redis: the status, and user ids with scores, None for who has left."""

    status: str
    scores: Sequence[tuple[str, int | None]]


class BoardLost(Exception):
    """Redis refused for good. Raised to roll back, so that the marks stay."""


def flush_board(
    session: Session, store: BoardStore, competition_id: uuid.UUID, now: datetime
) -> Outcome:
    """Flush the oldest marks of one board, holding its row.

    Whatever is raised, `redis.RedisError` or `BoardLost`, the transaction must be rolled back.
    """
    row = session.execute(_LOCK, {"id": competition_id, "now": now}).one_or_none()
    if row is None:
        return Outcome.BUSY
    taken = session.scalars(_TAKE_MARKS, {"id": competition_id, "marks": MARKS}).all()
    if not taken:
        return Outcome.NOTHING
    people = sorted({person_id for person_id in taken if person_id is not None})
    reached = _send(session, store, competition_id, Head(*row[:3]), people)
    session.execute(_MOVE, {"id": competition_id, **reached._asdict()})
    return Outcome.FLUSHED


def _send(
    session: Session,
    store: BoardStore,
    competition_id: uuid.UUID,
    known: Head,
    people: Sequence[int],
) -> Head:
    expected = known
    for _ in range(TRIES):
        changes = _changes(session, competition_id, people)
        answer = store.flush(competition_id, expected, changes.status, changes.scores)
        head = answer.head
        if head is not None and answer.done:
            return head
        if head is None or not _has_grown(store, competition_id, head, expected):
            break
        # A flusher died between its script and its commit. Its marks are ours now, and what is
        # read after its script is at least as new as what it sent.
        expected = head
    if changes.status in FINISHED:
        # Nothing rebuilds it: what is finished is read from PostgreSQL, where this is a step on.
        store.drop(competition_id)
        return known._replace(offset=known.offset + 1)
    raise BoardLost(str(competition_id))


def _has_grown(store: BoardStore, competition_id: uuid.UUID, head: Head, known: Head) -> bool:
    ahead = head.epoch == known.epoch and head.offset > known.offset
    return ahead and store.descends(competition_id, known)


def _changes(session: Session, competition_id: uuid.UUID, people: Sequence[int]) -> Changes:
    """Read in a statement of its own: it must see all that was committed with the taken marks."""
    rows = session.execute(_CHANGES, {"id": competition_id, "people": people}).all()
    scores = [(user_id, score) for _, user_id, score in rows if user_id is not None]
    return Changes(rows[0].status, scores)
