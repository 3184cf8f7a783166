"""The rebuild: make a board's picture in Redis anew from the table.

A lease on the board's row keeps flushers away, so marks gather while pages are copied; what changed
behind a page is flushed afterwards. Each step is a short unit of work. A rebuild that dies leaves
nothing behind: its lease passes, its copy expires, and the next sweep begins another.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.leaderboards.board import Position
from domain.leaderboards.store import BoardStore

LEASE = timedelta(seconds=20)
PAGE = 5000
"""People in one page."""
STATEMENT_TIMEOUT = "5s"
"""A page takes milliseconds; one that hangs is better begun again."""

_LOCK = text("""
    SELECT epoch, "offset" FROM board
    WHERE competition_id = :id AND (rebuild_until IS NULL OR rebuild_until <= :now)
    FOR UPDATE SKIP LOCKED
""")
_LOCK_OWN = text("""
    SELECT board."offset", competition.status FROM board
    JOIN competition ON competition.id = board.competition_id
    WHERE board.competition_id = :id AND board.rebuild_token = :token
    FOR UPDATE OF board
""")
_HAS_MARKS = text("SELECT EXISTS (SELECT FROM board_dirty WHERE competition_id = :id)")
_LEASE = text("""
    UPDATE board SET rebuild_token = :token, rebuild_until = :until WHERE competition_id = :id
""")
_RENEW = text("""
    UPDATE board SET rebuild_until = :until
    WHERE competition_id = :id AND rebuild_token = :token RETURNING competition_id
""")
_PAGE = text("""
    SELECT person_id, CAST(user_id AS text), score FROM participant
    WHERE competition_id = :id AND person_id > :after ORDER BY person_id LIMIT :page
""")
_FINISH = text("""
    UPDATE board SET epoch = :epoch, "offset" = :offset, rebuild_token = NULL, rebuild_until = NULL
    WHERE competition_id = :id AND rebuild_token = :token
""")
_GIVE_UP = text("""
    UPDATE board SET rebuild_token = NULL, rebuild_until = NULL
    WHERE competition_id = :id AND rebuild_token = :token
""")


class LeaseLost(Exception):
    """Another rebuild has taken over."""


@dataclass(slots=True)
class Rebuild:
    """A rebuild under way."""

    competition_id: uuid.UUID
    token: uuid.UUID
    found: str | None
    """The epoch that Redis showed when the picture was found wanting."""
    until: datetime
    after: int = 0
    """Last person copied."""
    copied: int = 0


def begin(
    session: Session,
    store: BoardStore,
    competition_id: uuid.UUID,
    now: datetime,
    *,
    force: bool = False,
) -> Rebuild | None:
    """Take the lease if the board needs it, or in any case with `force`.

    None when the picture is right, when a flush will mend it, or when someone else is at the board.
    """
    row = session.execute(_LOCK, {"id": competition_id, "now": now}).one_or_none()
    if row is None:
        return None
    shown = store.states([competition_id])[competition_id]
    if not force and not _is_wanting(session, competition_id, Position(*row), shown):
        return None
    rebuild = Rebuild(
        competition_id, uuid.uuid4(), store.epoch_found(competition_id), until=now + LEASE
    )
    session.execute(_LEASE, {"id": competition_id, "token": rebuild.token, "until": rebuild.until})
    return rebuild


def _is_wanting(
    session: Session, competition_id: uuid.UUID, known: Position, shown: Position | None
) -> bool:
    if shown is None or shown.epoch != known.epoch or shown.offset < known.offset:
        return True
    # Ahead: a flusher died after its script, and its marks are still there. Without marks it was
    # this table that went back in time.
    ahead = shown.offset > known.offset
    return ahead and not session.scalar(_HAS_MARKS, {"id": competition_id})


def read_page(
    session: Session, rebuild: Rebuild, now: datetime, page: int = PAGE
) -> Sequence[tuple[str, int]]:
    """Read the next people and scores, keeping the lease alive; none when all are read.

    Raises LeaseLost.
    """
    _limit_statements(session)
    if rebuild.until - now < LEASE / 2:
        rebuild.until = now + LEASE
        ours = {"id": rebuild.competition_id, "token": rebuild.token, "until": rebuild.until}
        if session.scalar(_RENEW, ours) is None:
            raise LeaseLost(str(rebuild.competition_id))
    where = {"id": rebuild.competition_id, "after": rebuild.after, "page": page}
    rows = session.execute(_PAGE, where).all()
    if rows:
        rebuild.after = rows[-1].person_id
    return [(user_id, score) for _, user_id, score in rows]


def copy_page(store: BoardStore, rebuild: Rebuild, people: Sequence[tuple[str, int]]) -> None:
    """Add a page to the copy. Call with no unit of work open."""
    store.copy(rebuild.competition_id, rebuild.token, people)
    rebuild.copied += len(people)


def finish(session: Session, store: BoardStore, rebuild: Rebuild) -> Position | None:
    """Make the copy the board, holding the board's row; the epoch changes, the offset rises.

    None, with the lease given back, when Redis has changed meanwhile: the next sweep decides anew.
    Raises LeaseLost.
    """
    _limit_statements(session)
    ours = {"id": rebuild.competition_id, "token": rebuild.token}
    row = session.execute(_LOCK_OWN, ours).one_or_none()
    if row is None:
        raise LeaseLost(str(rebuild.competition_id))
    target = Position(uuid.uuid4().hex, row.offset + 1)
    reached = store.swap(
        rebuild.competition_id, rebuild.token, rebuild.found, target, row.status, rebuild.copied
    )
    if reached is None:
        session.execute(_GIVE_UP, ours)
        return None
    session.execute(_FINISH, {**ours, **reached._asdict()})
    return reached


def give_up(session: Session, rebuild: Rebuild) -> None:
    """Give back the lease, if it is still ours."""
    session.execute(_GIVE_UP, {"id": rebuild.competition_id, "token": rebuild.token})


def _limit_statements(session: Session) -> None:
    session.execute(
        text("SELECT set_config('statement_timeout', :limit, true)"), {"limit": STATEMENT_TIMEOUT}
    )
