"""Freezing: a competition's scores copied into an immutable version of its standing.

Whoever begins a version has shut the competition to writers, so its scores stand still; where a
later version changes one, the former is kept. Which rulings it heeds is settled with it. It is then
written page by page in order of rank, each page in a transaction of its own together with how far
it came, so it can be killed anywhere and goes on where it was. Readers see complete versions only.
"""

import enum
import hashlib
import uuid
from datetime import datetime
from typing import Any

from psycopg import Connection
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from domain.competitions.former_scores import FORMER
from models import Person, Ruling, Standing
from models.competition import MAX_SCORE
from models.standing import BLOCK_PLACES

PAGE_ROWS = 100_000
STATEMENT_TIMEOUT = "60s"
"""A page takes a second or two; a machine may be very busy."""
WORK_MEMORY = "64MB"
"""So that a page is sorted and digested in memory."""
NO_BYTES = hashlib.sha256().digest()
ABOVE_ALL = {"last_score": MAX_SCORE, "last_user_id": uuid.UUID(int=0), "last_rank": 1}
"""Whoever has the highest possible score has rank 1; no user id is smaller than zero."""


class Written(enum.Enum):
    """What became of a page."""

    PAGE = "page"
    """There may be more."""
    COMPLETE = "complete"
    BUSY = "busy"
    """Complete already, or someone else is at it."""


def begin_standing(
    session: Session, competition_id: uuid.UUID, reason: str, author: Person | None, now: datetime
) -> Standing:
    """Begin the next version. The caller holds the competition's row, and no score can change."""
    version = session.scalar(
        select(func.coalesce(func.max(Standing.version), 0) + 1).where(
            Standing.competition_id == competition_id
        )
    )
    last_ruling = select(func.coalesce(func.max(Ruling.id), 0)).where(
        Ruling.competition_id == competition_id
    )
    standing = Standing(
        competition_id=competition_id,
        version=version,
        reason=reason,
        author_id=None if author is None else author.id,
        created_at=now,
        last_ruling_id=session.scalar(last_ruling),
        page_rows=PAGE_ROWS,
        digest=NO_BYTES,
        **ABOVE_ALL,
    )
    session.add(standing)
    session.flush()
    return standing


def is_standing_complete(session: Session, competition_id: uuid.UUID) -> bool:
    """Say whether no version of a competition's standing is still being written."""
    unfinished = select(Standing.id).where(
        Standing.competition_id == competition_id, Standing.completed_at.is_(None)
    )
    return session.scalar(select(~unfinished.exists())) or False


def unfinished_standings(session: Session, limit: int) -> list[int]:
    """Return versions that are still to be written, the oldest first."""
    found = select(Standing.id).where(Standing.completed_at.is_(None)).order_by(Standing.id)
    return list(session.scalars(found.limit(limit)))


LIMITS = text(
    "SELECT set_config('statement_timeout', :statement_timeout, true),"
    " set_config('work_mem', :work_mem, true)"
)
OUT = text(
    """
    SELECT person_id FROM (
        SELECT DISTINCT ON (person_id) person_id, kind FROM ruling
        WHERE competition_id = :competition_id AND id <= :last_ruling_id
        ORDER BY person_id, id DESC
    ) newest WHERE kind = 'disqualified'
    """
)
# Most standings have nobody in them whose score a later version has changed.
HAS_FORMER = text(
    """
    SELECT EXISTS (SELECT FROM former_score
                   WHERE competition_id = :competition_id AND standing_id > :id)
    """
)
UNCHANGED = """
    SELECT person_id, user_id, score, computed, posted FROM participant
    WHERE competition_id = :competition_id AND person_id <> ALL(:out) {but}
      AND score <= :last_score AND (score < :last_score OR user_id > :last_user_id)
    ORDER BY score DESC, user_id LIMIT :page_rows
"""
PAGE = UNCHANGED.format(but="")
PAGE_WITH_FORMER = f"""
    WITH former AS MATERIALIZED ({FORMER}),
    unchanged AS ({UNCHANGED.format(but="AND person_id NOT IN (SELECT person_id FROM former)")}),
    changed AS (
        SELECT f.person_id, m.user_id, f.score, f.computed, f.posted
        FROM former f JOIN participant m
          ON m.competition_id = :competition_id AND m.person_id = f.person_id
        WHERE f.person_id <> ALL(:out) AND f.score <= :last_score
          AND (f.score < :last_score OR m.user_id > :last_user_id)
        ORDER BY f.score DESC, m.user_id
    )
    SELECT * FROM unchanged UNION ALL SELECT * FROM changed
    ORDER BY score DESC, user_id LIMIT :page_rows
"""  # noqa: S608  the fragments are our own
# The one rank rule (domain/leaderboards/board.py). Whoever shares the last page's last score shares
# its rank; all others have better rows on this page and before it. Blocks come back in the order in
# which they are stored.
WRITE_PAGE = f"""
    COPY (
        INSERT INTO standing_block (standing_id, first_place, high_score, low_score,
                                    ranks, person_ids, scores, computed, posted)
        SELECT :id, min(place), max(score), min(score),
               array_agg(rank ORDER BY place), array_agg(person_id ORDER BY place),
               array_agg(score ORDER BY place), array_agg(computed ORDER BY place),
               array_agg(posted ORDER BY place)
        FROM (
            SELECT :row_count + row_number() OVER (ORDER BY score DESC, user_id) AS place,
                   CASE WHEN score = :last_score THEN :last_rank
                        ELSE :row_count + rank() OVER (ORDER BY score DESC) END AS rank,
                   person_id, score, computed, posted
            FROM ({{page}}) page
        ) placed
        GROUP BY (place - 1) / {BLOCK_PLACES} ORDER BY (place - 1) / {BLOCK_PLACES}
        RETURNING ranks, person_ids, scores, computed, posted
    ) TO STDOUT
    """  # noqa: S608  the number is our own
LAST_PLACE = text(
    """
    SELECT r.score, r.rank, m.user_id FROM standing_places(:id, :place, :place) r
    JOIN participant m ON m.competition_id = :competition_id AND m.person_id = r.person_id
    """
)


def write_page(session: Session, standing_id: int, now: datetime) -> Written:
    """Write the next page of a version; the one that is not full completes it."""
    session.execute(LIMITS, {"statement_timeout": STATEMENT_TIMEOUT, "work_mem": WORK_MEMORY})
    standing = session.scalar(
        select(Standing)
        .where(Standing.id == standing_id, Standing.completed_at.is_(None))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if standing is None:
        return Written.BUSY
    progress = {
        name: getattr(standing, name)
        for name in (
            *("id", "competition_id", "page_rows", "row_count"),
            *("last_score", "last_user_id", "last_rank"),
        )
    }
    rulings = {
        "competition_id": standing.competition_id,
        "last_ruling_id": standing.last_ruling_id,
    }
    out = list(session.scalars(OUT, rulings))
    places, digest = _write(session, {**progress, "out": out})
    if places:
        standing.row_count += places
        standing.digest = hashlib.sha256(standing.digest + digest).digest()
        last = session.execute(LAST_PLACE, {**progress, "place": standing.row_count}).one()
        standing.last_score, standing.last_rank, standing.last_user_id = last
    if places < standing.page_rows:
        standing.completed_at = now
        return Written.COMPLETE
    return Written.PAGE


def _write(session: Session, values: dict[str, Any]) -> tuple[int, bytes]:
    """Write a page; return the number of its places, and their digest."""
    if not session.scalar(HAS_FORMER, values):
        with session.begin_nested() as unchanged:
            found = _copy(session, PAGE, values)
            # A later version may have changed a score before the page was read, but not before the
            # look that came before it.
            if not session.scalar(HAS_FORMER, values):
                return found
            unchanged.rollback()
    return _copy(session, PAGE_WITH_FORMER, values)


def _copy(session: Session, page: str, values: dict[str, Any]) -> tuple[int, bytes]:
    """Store a page; return the number of its places, and their digest.

    PostgreSQL tells each block while it stores the next; gathering their lines there would take it
    longer.
    """
    connection: Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]  # psycopg's own
    written = text(WRITE_PAGE.format(page=page)).compile(dialect=session.get_bind().dialect)
    places, blocks = 0, list[str]()
    with connection.cursor() as cursor, cursor.copy(str(written), values) as copy:
        for arrays in copy.rows():
            columns = [array[1:-1].split(",") for array in arrays]
            places += len(columns[0])
            blocks.append("\n".join(map(",".join, zip(*columns, strict=True))))
    return places, hashlib.sha256("\n".join(blocks).encode()).digest()
