"""The comparison of a board in Redis with the table, line by line.

Pages are compared while others write, so a difference may only be under way. Each is looked at
again under the board's row, where nobody flushes: there a line must be right unless its person has
a mark, because marks are committed with what they tell of and deleted with what was sent.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.leaderboards.board import Head
from domain.leaderboards.on_board import board_sql
from domain.leaderboards.rebuild import is_wanting
from domain.leaderboards.store import BoardStore

PAGE = 2000
"""Lines compared at once."""
EVERY = timedelta(days=1)
LEASE = timedelta(minutes=10)
AT_ONCE = 20
"""Boards taken by one claim."""
EXAMPLES = 20

_CLAIM = text("""
    UPDATE board SET verify_until = :until WHERE competition_id = ANY(ARRAY(
        SELECT board.competition_id FROM board
        JOIN competition ON competition.id = board.competition_id
        WHERE competition.status IN ('upcoming', 'active', 'closing', 'provisional')
            AND (board.verified_at IS NULL OR board.verified_at <= :before)
            AND (board.verify_until IS NULL OR board.verify_until <= :now)
        ORDER BY board.verified_at NULLS FIRST LIMIT :boards
        FOR UPDATE OF board SKIP LOCKED))
    RETURNING competition_id
""")
_LIVE = text("""
    SELECT competition_id FROM board JOIN competition ON competition.id = board.competition_id
    WHERE competition.status IN ('upcoming', 'active', 'closing', 'provisional')
        AND competition_id = ANY(:ids)
""")
_LOCK = text("""
    SELECT board.epoch, board."offset", board.lineage FROM board
    JOIN competition ON competition.id = board.competition_id
    WHERE board.competition_id = :id AND (rebuild_until IS NULL OR rebuild_until <= :now)
        AND competition.status IN ('upcoming', 'active', 'closing', 'provisional')
    FOR UPDATE OF board
""")
_PAGE = board_sql("""
    SELECT person_id, CAST(user_id AS text) AS user_id, score FROM on_board AS participant
    WHERE competition_id = :id AND person_id > :after ORDER BY person_id LIMIT :page
""")
_STRANGERS = board_sql("""
    SELECT CAST(shown.user_id AS text) FROM unnest(CAST(:users AS uuid[])) AS shown(user_id)
    LEFT JOIN person ON person.user_id = shown.user_id
    LEFT JOIN on_board AS participant ON participant.competition_id = :id
        AND participant.person_id = person.id
    WHERE participant.score IS NULL
""")
_UNMARKED = board_sql("""
    SELECT CAST(suspect.user_id AS text) AS user_id, participant.score
    FROM unnest(CAST(:users AS uuid[])) AS suspect(user_id)
    LEFT JOIN person ON person.user_id = suspect.user_id
    LEFT JOIN on_board AS participant ON participant.competition_id = :id
        AND participant.person_id = person.id
    WHERE person.id IS NULL OR person.id NOT IN (
        SELECT person_id FROM board_dirty WHERE competition_id = :id AND person_id IS NOT NULL)
""")
_RECORD = text("""
    UPDATE board SET verified_at = :now, verify_until = NULL, drift = :drift
    WHERE competition_id = :id
""")
_NOTE_DRIFT = text("UPDATE board SET drift = :drift WHERE competition_id = :id")


class Wrong(NamedTuple):
    """A line that differs; None where there is none."""

    user_id: str
    table: int | None
    redis: int | None


@dataclass(slots=True)
class Verdict:
    """What a comparison has found."""

    competition_id: uuid.UUID
    lines: int = 0
    """Of the table."""
    drift: int = 0
    """Wrong lines, and one more for a board that does not stand where the table says."""
    lost: bool = False
    examples: list[Wrong] = field(default_factory=list)
    after: int = 0
    """Last person compared."""

    def add(self, wrong: Sequence[Wrong]) -> None:
        """Count lines, and keep some to show."""
        self.drift += len(wrong)
        self.examples += wrong[: EXAMPLES - len(self.examples)]


class NotComparable(Exception):
    """The board is being rebuilt, or its competition has ended meanwhile."""


def claim_due(session: Session, now: datetime) -> list[uuid.UUID]:
    """Lease some live boards that were not compared for a day."""
    due = {"now": now, "before": now - EVERY, "until": now + LEASE, "boards": AT_ONCE}
    return list(session.scalars(_CLAIM, due))


def live_among(session: Session, competition_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Return those whose boards belong into Redis."""
    return set(session.scalars(_LIVE, {"ids": list(competition_ids)}))


def check_position(session: Session, store: BoardStore, verdict: Verdict, now: datetime) -> None:
    """Look whether the board stands where the table says. Raises NotComparable."""
    known = _lock(session, verdict.competition_id, now)
    verdict.lost = is_wanting(session, store, verdict.competition_id, known)
    verdict.drift += verdict.lost


def read_page(session: Session, verdict: Verdict, page: int = PAGE) -> dict[str, int]:
    """Return the next scores of the table by user id; none when all are read."""
    where = {"id": verdict.competition_id, "after": verdict.after, "page": page}
    rows = session.execute(_PAGE, where).all()
    if rows:
        verdict.after = rows[-1].person_id
        verdict.lines += len(rows)
    return {row.user_id: row.score for row in rows}


def differing(store: BoardStore, verdict: Verdict, people: dict[str, int]) -> list[str]:
    """Return those of the table whom Redis shows otherwise. Call with no unit of work open."""
    shown = store.scores(verdict.competition_id, list(people))
    return [user_id for user_id, score in people.items() if shown[user_id] != score]


def strangers(session: Session, verdict: Verdict, members: Sequence[str]) -> list[str]:
    """Return those of a page of Redis who are not in the table."""
    where = {"id": verdict.competition_id, "users": list(members)}
    return list(session.scalars(_STRANGERS, where))


def confirm(
    session: Session, store: BoardStore, verdict: Verdict, suspects: Sequence[str], now: datetime
) -> None:
    """Count those suspects who are wrong while nobody flushes. Raises NotComparable.

    Ring for the flush afterwards: flushers pass over a board whose row is held.
    """
    _lock(session, verdict.competition_id, now)
    where = {"id": verdict.competition_id, "users": list(suspects)}
    rows = session.execute(_UNMARKED, where).all()
    shown = store.scores(verdict.competition_id, [row.user_id for row in rows])
    verdict.add(
        [
            Wrong(row.user_id, row.score, shown[row.user_id])
            for row in rows
            if row.score != shown[row.user_id]
        ]
    )


def note_drift(session: Session, verdict: Verdict) -> None:
    """Let the metric show what was found; the board stays due until it is mended."""
    session.execute(_NOTE_DRIFT, {"id": verdict.competition_id, "drift": verdict.drift})


def record(session: Session, verdict: Verdict, now: datetime) -> None:
    """Remember what was found, and that the board was compared."""
    found = {"id": verdict.competition_id, "drift": verdict.drift, "now": now}
    session.execute(_RECORD, found)


def _lock(session: Session, competition_id: uuid.UUID, now: datetime) -> Head:
    row = session.execute(_LOCK, {"id": competition_id, "now": now}).one_or_none()
    if row is None:
        raise NotComparable(str(competition_id))
    return Head(*row)
