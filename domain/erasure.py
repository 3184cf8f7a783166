"""Erasure: a person's data is deleted, and what must stay stays under a pseudonym.

Boards, standings, awards and the ledger name people by the surrogate key; behind it there is a
random public id afterwards, and no name. What was measured goes, and the scores that it led to
stand as they are. One transaction does all of that; what Redis and the vendors know is in a row of
`erasure` until it is gone there too.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.errors import Conflict
from domain.locks import lock_for_data

NAMELESS = "Former member"
LEASE = timedelta(seconds=30)
"""Longer than a vendor may take over one person's grants."""
AT_ONCE = 20

_PERSON = text("SELECT user_id FROM person WHERE id = :person AND sub IS NOT NULL")
_LOCK_CONNECTIONS = text("SELECT FROM fitness_connection WHERE person_id = :person FOR UPDATE")
# Later versions of a standing begin under the competition's row, the first one under its lock.
_LOCK_COMPETITIONS = text("""
    SELECT FROM competition WHERE id = ANY(:competitions) ORDER BY id FOR NO KEY UPDATE
""")
_PAYOUTS = """
    SELECT p.id FROM payout p JOIN award a ON a.id = p.award_id WHERE a.person_id = :person
    UNION ALL
    SELECT p.id FROM payout p JOIN adjustment a ON a.id = p.adjustment_id
    WHERE a.person_id = :person
"""
_LOCK_PAYOUTS = text(f"SELECT FROM payout WHERE id IN ({_PAYOUTS}) ORDER BY id FOR NO KEY UPDATE")
_BEING_FROZEN = text("""
    SELECT EXISTS (SELECT FROM standing
                   WHERE competition_id = ANY(:competitions) AND completed_at IS NULL)
""")
_OWED_MONEY = text(f"""
    SELECT EXISTS (SELECT FROM payout WHERE id IN ({_PAYOUTS})
                   AND status IN ('pending', 'held', 'sending', 'unknown', 'accepted'))
        OR EXISTS (SELECT FROM award
                   JOIN distribution USING (competition_id)
                   LEFT JOIN payout ON payout.award_id = award.id
                   WHERE award.competition_id = ANY(:competitions)
                       AND award.person_id = :person AND payout.id IS NULL)
""")  # noqa: S608  our own text
_IN = text("SELECT competition_id FROM participant WHERE person_id = :person ORDER BY 1")
# What has not begun needs no pseudonym.
_LEAVE = text("""
    WITH gone AS (
        DELETE FROM participant USING competition
        WHERE participant.person_id = :person AND competition.id = participant.competition_id
            AND competition.status = 'upcoming' AND competition.starts_at > :now
        RETURNING participant.competition_id)
    UPDATE competition SET participant_count = participant_count - 1
    FROM gone WHERE competition.id = gone.competition_id
""")
# A score is what the slots say and what was added to it. The slots go, so what they said is added:
# to count anew changes nothing, where that still can happen.
_KEEP_SCORES = text("""
    UPDATE participant SET posted = computed + posted, computed = 0
    WHERE person_id = :person AND competition_id = ANY(:open) AND computed <> 0
""")
_GRANTS = text("""
    DELETE FROM fitness_token USING fitness_connection
    WHERE fitness_connection.id = fitness_token.connection_id
        AND fitness_connection.person_id = :person
    RETURNING fitness_token.refresh_token
""")
_IN_COMPETITIONS = ("flag", "score_day", "behind_notice")
_OF_PERSON = (
    "sync_request",
    "fitness_connection",
    "slot_day",
    "slot_day_version",
    "record",
    "source_order",
    "source",
    "payout_account",
)
"""In an order in which none is referred to any more."""
_DELETE = (
    *(
        f"DELETE FROM {table} WHERE competition_id = ANY(:competitions) AND person_id = :person"  # noqa: S608  our own names
        for table in _IN_COMPETITIONS
    ),
    *(f"DELETE FROM {table} WHERE person_id = :person" for table in _OF_PERSON),  # noqa: S608  our own names
)
_DESTINATIONS = text(f"""
    UPDATE payout SET destination = 'erased'
    WHERE id IN ({_PAYOUTS}) AND destination IS NOT NULL
""")  # noqa: S608  our own text
_ANSWERS = text("DELETE FROM idempotency_key WHERE caller = :caller")
_PSEUDONYM = text("""
    UPDATE person SET sub = NULL, user_id = :random, display_name = :nameless, timezone = 'UTC'
    WHERE id = :person
""")
# The database keeps the consents of whoever is known.
_CONSENTS = text("DELETE FROM consent WHERE person_id = :person")
_REMEMBER = text("""
    INSERT INTO erasure (person_id, user_id, boards, grants, asked_at, due_at)
    VALUES (:person, :user_id, :competitions, CAST(:grants AS bytea[]), :now, :now)
""")
_CLAIM = text("""
    UPDATE erasure SET attempts = attempts + 1, due_at = :until
    WHERE person_id = ANY(ARRAY(
        SELECT person_id FROM erasure WHERE due_at <= :now
        ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED))
    RETURNING person_id, user_id, boards, grants, attempts
""")
# A rebuild that is under way may have copied the id that was.
_LOCK_BOARD = text("""
    SELECT competition_id FROM board
    WHERE competition_id = :id AND (rebuild_until IS NULL OR rebuild_until <= :now) FOR UPDATE
""")
_DONE = text("DELETE FROM erasure WHERE person_id = :person AND attempts = :attempts")


class Unfinished(NamedTuple):
    """An erasure that was claimed."""

    person_id: int
    user_id: uuid.UUID
    """The public id that was."""
    boards: Sequence[uuid.UUID]
    """Competitions whose boards may still show it."""
    grants: Sequence[bytes]
    """Sealed."""
    attempts: int


def erase(session: Session, person_id: int, now: datetime) -> bool:
    """Erase a person; False when they were erased before. Afterwards ring `erasures.sweep`.

    Raises Conflict: `payout_under_way` while a prize of theirs is on its way, and
    `standing_being_written` for the moments in which a competition of theirs is frozen.
    """
    locked = lock_for_data(session, [person_id], now)
    user_id = session.scalar(_PERSON, {"person": person_id})
    if user_id is None:
        return False
    whose = {"person": person_id, "competitions": boards_of(session, person_id)}
    for lock in (_LOCK_CONNECTIONS, _LOCK_COMPETITIONS, _LOCK_PAYOUTS):
        session.execute(lock, whose)
    _refuse_if_needed(session, whose)
    session.execute(_KEEP_SCORES, {**whose, "open": locked.open})
    grants = list(session.scalars(_GRANTS, whose))
    for statement in (*map(text, _DELETE), _DESTINATIONS):
        session.execute(statement, whose)
    session.execute(_LEAVE, {**whose, "now": now})
    session.execute(_ANSWERS, {"caller": str(user_id)})
    session.execute(_PSEUDONYM, {**whose, "random": uuid.uuid4(), "nameless": NAMELESS})
    session.execute(_CONSENTS, whose)
    session.execute(_REMEMBER, {**whose, "user_id": user_id, "grants": grants, "now": now})
    return True


def boards_of(session: Session, person_id: int) -> list[uuid.UUID]:
    """Return the competitions that someone is in."""
    return list(session.scalars(_IN, {"person": person_id}))


def _refuse_if_needed(session: Session, whose: Mapping[str, Any]) -> None:
    if session.scalar(_OWED_MONEY, whose):
        raise Conflict("A prize of yours is on its way.", code="payout_under_way")
    if session.scalar(_BEING_FROZEN, whose):
        raise Conflict(
            "The standing of a competition of yours is being written; try again in a moment.",
            code="standing_being_written",
        )


def claim_unfinished(session: Session, now: datetime) -> list[Unfinished]:
    """Take erasures that are due; they are due again when they are not finished in time."""
    asked = {"now": now, "until": now + LEASE, "limit": AT_ONCE}
    return [Unfinished(*row) for row in session.execute(_CLAIM, asked)]


def lock_board(session: Session, competition_id: uuid.UUID, now: datetime) -> bool:
    """Keep flushes and rebuilds from a board until the end; False while a rebuild is at it."""
    return session.scalar(_LOCK_BOARD, {"id": competition_id, "now": now}) is not None


def finish(session: Session, one: Unfinished) -> None:
    """Forget an erasure that is done everywhere; one that others have claimed since is theirs."""
    session.execute(_DONE, {"person": one.person_id, "attempts": one.attempts})
