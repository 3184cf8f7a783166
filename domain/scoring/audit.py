"""The audit: every score of a competition that takes data is counted anew once a day.

Scores are brought forward change by change. That this gives what counting everything gives is
looked at page by page, each in a short unit under the locks of every writer, so nobody's change can
come in between. What differs is corrected and told. How far an audit is stands in a row: one that
was cut short is continued, and after a day of downtime each competition is audited once.

A page that takes too long is halved. Who cannot be counted even alone is passed over and told, so
that nobody's data keeps an audit from its end.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from psycopg.errors import DeadlockDetected, LockNotAvailable, QueryCanceled
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from domain.locks import lock_for_data
from domain.scoring.recompute import recompute_people

EVERY = timedelta(days=1)
PAGE = 200
"""People in one unit, at most."""
STATEMENT_TIMEOUT = "10s"
"""A page takes well under a second."""

BEGIN = text(
    """
    INSERT INTO score_audit (competition_id, begun_at, page)
    SELECT id, :now, :page FROM competition
    WHERE status IN ('active', 'closing')
      AND cutoff_at > :now
    ON CONFLICT (competition_id) DO UPDATE
    SET begun_at = excluded.begun_at, finished_at = NULL, reached = 0, people = 0, mended = 0,
        page = excluded.page, skipped = 0
    WHERE score_audit.finished_at IS NOT NULL AND score_audit.begun_at <= :due
    RETURNING competition_id
    """
)
NEXT = text(
    """
    SELECT competition_id, reached, page FROM score_audit WHERE finished_at IS NULL
    ORDER BY begun_at LIMIT 1 FOR UPDATE SKIP LOCKED
    """
)
PEOPLE = text(
    """
    SELECT person_id FROM participant WHERE competition_id = :competition_id AND person_id > :after
    ORDER BY person_id LIMIT :page
    """
)
REACH = text(
    """
    UPDATE score_audit
    SET reached = :reached, people = people + :people, mended = mended + :mended,
        page = least(page * 2, :page),
        last_mended_at = CASE WHEN :mended > 0 THEN :now ELSE last_mended_at END
    WHERE competition_id = :competition_id
    """
)
SHRINK = text("UPDATE score_audit SET page = :page WHERE competition_id = :competition_id")
SKIP = text(
    """
    UPDATE score_audit SET reached = :person_id, skipped = skipped + 1
    WHERE competition_id = :competition_id
    """
)
FINISH = text("UPDATE score_audit SET finished_at = :now WHERE competition_id = :competition_id")
TOO_LONG = (QueryCanceled, LockNotAvailable, DeadlockDetected)
"""What a smaller page may be spared."""


COUNTED = text(
    """
    SELECT person_id, day, counted, CAST(drops AS text) FROM score_day
    WHERE competition_id = :competition_id AND person_id = ANY(:people)
      AND (counted <> 0 OR drops <> '{}')
    """
)

Day = tuple[int, date]
"""A person, by row id, and a local day."""


@dataclass(frozen=True)
class Audited:
    """A page of an audit."""

    competition_id: uuid.UUID
    days: list[Day]
    """Those that were counted wrongly."""
    scores: list[int]
    """People whose score was wrong, which may be so though their days were right."""
    gave_up_on: Sequence[int] = ()
    """The people of a page that took too long; one who was alone in it is passed over."""

    @property
    def people(self) -> set[int]:
        """All of whom something was wrong."""
        return {person_id for person_id, _ in self.days}.union(self.scores)


def begin_due(session: Session, now: datetime) -> list[uuid.UUID]:
    """Begin the audits that are due; return the competitions."""
    return list(session.scalars(BEGIN, {"now": now, "due": now - EVERY, "page": PAGE}))


def audit_page(session: Session, now: datetime) -> Audited | None:
    """Look at the next people of an audit under way; None when there is none."""
    limit = {"limit": STATEMENT_TIMEOUT}
    session.execute(text("SELECT set_config('statement_timeout', :limit, true)"), limit)
    audit = session.execute(NEXT).first()
    if audit is None:
        return None
    asked = {"competition_id": audit.competition_id, "after": audit.reached, "page": audit.page}
    people = list(session.scalars(PEOPLE, asked))
    try:
        with session.begin_nested():
            done = _look_at(session, audit.competition_id, people, now)
    except OperationalError as error:
        if not people or not isinstance(error.orig, TOO_LONG):
            raise
        return _give_way(session, audit.competition_id, people)
    if done is None or len(people) < audit.page:
        session.execute(FINISH, {"competition_id": audit.competition_id, "now": now})
    return done or Audited(audit.competition_id, [], [])


def _look_at(
    session: Session, competition_id: uuid.UUID, people: Sequence[int], now: datetime
) -> Audited | None:
    """Count people anew; None when whatever the competition has counted stays."""
    if competition_id not in lock_for_data(session, people, now).open:
        return None
    done = _recount(session, competition_id, people)
    _reach(session, done, people, now)
    return done


def _give_way(session: Session, competition_id: uuid.UUID, people: Sequence[int]) -> Audited:
    if len(people) > 1:
        half = {"competition_id": competition_id, "page": len(people) // 2}
        session.execute(SHRINK, half)
    else:
        session.execute(SKIP, {"competition_id": competition_id, "person_id": people[0]})
    return Audited(competition_id, [], [], people)


def _recount(session: Session, competition_id: uuid.UUID, people: Sequence[int]) -> Audited:
    page = {"competition_id": competition_id, "people": people}
    before = set(map(tuple, session.execute(COUNTED, page)))
    scores = recompute_people(session, competition_id, people)
    after = set(map(tuple, session.execute(COUNTED, page)))
    days = sorted({(person_id, day) for person_id, day, *_ in before ^ after})
    return Audited(competition_id, days, sorted(person_id for _, person_id in scores))


def _reach(session: Session, done: Audited, people: Sequence[int], now: datetime) -> None:
    session.execute(
        REACH,
        {
            "competition_id": done.competition_id,
            "reached": max(people),
            "people": len(people),
            "mended": len(done.people),
            "page": PAGE,
            "now": now,
        },
    )
