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

from domain.leaderboards.board import Head, Position
from domain.leaderboards.on_board import board_sql
from domain.leaderboards.store import BoardStore

LEASE = timedelta(seconds=20)
PAGE = 5000
"""People in one page."""
STATEMENT_TIMEOUT = "5s"
"""A page takes milliseconds; one that hangs is better begun again."""

_LOCK = text("""
    SELECT board.epoch, board."offset", board.lineage FROM board
    JOIN competition ON competition.id = board.competition_id
    WHERE board.competition_id = :id AND competition.status NOT IN ('final', 'cancelled')
        AND (board.rebuild_until IS NULL OR board.rebuild_until <= :now)
    FOR UPDATE OF board SKIP LOCKED
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
# One row of words: a million rows would cost more to unpack here than to read there.
_PAGE = board_sql("""
    SELECT max(person_id), string_agg(concat_ws(' ', -score, user_id), ' ') FROM (
        SELECT person_id, score, user_id FROM on_board AS participant
        WHERE competition_id = :id AND person_id > :after ORDER BY person_id LIMIT :page
    ) AS page
""")
_FINISH = text("""
    UPDATE board SET epoch = :epoch, "offset" = :offset, lineage = '',
        rebuild_token = NULL, rebuild_until = NULL
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

    None when the picture is right, when a flush will mend it, when someone else is at the board, or
    when the competition is finished.
    """
    row = session.execute(_LOCK, {"id": competition_id, "now": now}).one_or_none()
    if row is None:
        return None
    if not force and not is_wanting(session, store, competition_id, Head(*row)):
        return None
    rebuild = Rebuild(
        competition_id, uuid.uuid4(), store.epoch_found(competition_id), until=now + LEASE
    )
    session.execute(_LEASE, {"id": competition_id, "token": rebuild.token, "until": rebuild.until})
    return rebuild


def is_wanting(session: Session, store: BoardStore, competition_id: uuid.UUID, known: Head) -> bool:
    """Say whether Redis does not show what the table knows. The caller holds the board's row."""
    picture = store.pictures([competition_id])[competition_id]
    if picture is None or picture.head.epoch != known.epoch:
        return True
    if picture.head.offset <= known.offset:
        return picture.head != known
    # Ahead: a flusher died after its script, and its marks are still there. Without marks it was
    # this table that went back in time; and what has not come by our head is another history.
    marked = session.scalar(_HAS_MARKS, {"id": competition_id})
    return not marked or not store.descends(competition_id, known)


def read_page(session: Session, rebuild: Rebuild, now: datetime, page: int = PAGE) -> Sequence[str]:
    """Read the next people as lines for the copy, keeping the lease alive; none when all are read.

    Raises LeaseLost.
    """
    _limit_statements(session)
    if rebuild.until - now < LEASE / 2:
        rebuild.until = now + LEASE
        ours = {"id": rebuild.competition_id, "token": rebuild.token, "until": rebuild.until}
        if session.scalar(_RENEW, ours) is None:
            raise LeaseLost(str(rebuild.competition_id))
    where = {"id": rebuild.competition_id, "after": rebuild.after, "page": page}
    last, lines = session.execute(_PAGE, where).one()
    if last is None:
        return []
    rebuild.after = last
    return str(lines).split(" ")


def copy_page(store: BoardStore, rebuild: Rebuild, lines: Sequence[str]) -> None:
    """Add a page to the copy. Call with no unit of work open."""
    store.copy(rebuild.competition_id, rebuild.token, lines)
    rebuild.copied += len(lines) // 2


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
