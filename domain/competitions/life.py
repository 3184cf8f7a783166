"""The life of a competition: every step is taken here, once, and written down.

Each step holds the competition's row, leaves a transition, whose key admits one of each kind, and
marks the board, by which watchers are told. The steps of the clock are found from rows, so whatever
was missed is made up for in order.
"""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from domain.competitions.freezing import begin_standing, is_standing_complete
from domain.errors import Conflict, NotFound
from domain.leaderboards.marks import mark_dirty
from domain.locks import lock_competition
from domain.prizes import pool
from domain.prizes.doubts import is_prize_doubted
from models import Competition, Person, Transition
from models.competition import CompetitionStatus

STEPS = list(CompetitionStatus)
"""In the order of a life."""
CANCELLABLE = {
    CompetitionStatus.UPCOMING,
    CompetitionStatus.ACTIVE,
    CompetitionStatus.CLOSING,
    CompetitionStatus.PROVISIONAL,
}
POOL_NOT_FUNDED = "pool_not_funded"
"""The reason of a step that the clock takes."""
LONGEST_DOUBT = timedelta(days=7)
"""Open flags that may decide who wins put off the end of a review so long. Then it ends without
their data, which does not count before it is accepted."""

DUE = text(
    """
    SELECT id FROM (
        SELECT id, starts_at AS due_at FROM competition
        WHERE status = 'upcoming' AND starts_at <= :now
        UNION ALL
        SELECT id, ends_at FROM competition WHERE status = 'active' AND ends_at <= :now
        UNION ALL
        SELECT id, cutoff_at FROM competition
        WHERE status = 'closing' AND cutoff_at <= :now AND plan_after IS NULL
        UNION ALL
        SELECT k.id, t.happened_at + make_interval(hours => k.review_hours)
        FROM competition k
        JOIN transition t ON t.competition_id = k.id AND t.after = 'provisional'
        WHERE k.status = 'provisional'
          AND NOT EXISTS (SELECT FROM standing s
                          WHERE s.competition_id = k.id AND s.completed_at IS NULL)
          AND t.happened_at + make_interval(hours => k.review_hours) <= :now
    ) due
    WHERE id <> ALL(:passed) ORDER BY due_at, id LIMIT :limit
    """
)


def due(
    session: Session, now: datetime, limit: int, passed: list[uuid.UUID] | None = None
) -> list[uuid.UUID]:
    """Return competitions whose next step is due, the longest due first, but for those `passed`."""
    found = session.scalars(DUE, {"now": now, "limit": limit, "passed": passed or []})
    return list(found)


def advance(session: Session, competition_id: uuid.UUID, now: datetime) -> CompetitionStatus | None:
    """Take the one step that is due by the clock; return the new status.

    None when nothing is due, when the step has to wait, or when someone else is at it.
    """
    if _is_closing(session, competition_id):
        lock_competition(session, competition_id)
    competition = session.scalar(
        select(Competition)
        .where(Competition.id == competition_id)
        .with_for_update(key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    after = None if competition is None else _next(session, competition, now)
    if competition is None or after is None:
        return None
    if after is CompetitionStatus.ACTIVE:
        return begin(session, competition, now)
    move(session, competition, after, now)
    if after is CompetitionStatus.PROVISIONAL:
        begin_standing(session, competition_id, "frozen at the cut-off", None, now)
    return after


def shut(session: Session, competition_id: uuid.UUID, now: datetime) -> datetime | None:
    """Take no more data once the cut-off has come; say since when, if the freeze is due.

    Whoever wrote is wholly in, so a last look at the data before the freeze sees all of it.
    """
    if not _is_closing(session, competition_id):
        return None
    lock_competition(session, competition_id)
    competition = hold(session, competition_id)
    if _next(session, competition, now) is not CompetitionStatus.PROVISIONAL:
        return None
    competition.shut_at = competition.shut_at or now
    return competition.shut_at


def _is_closing(session: Session, competition_id: uuid.UUID) -> bool:
    status = session.scalar(select(Competition.status).where(Competition.id == competition_id))
    return status is CompetitionStatus.CLOSING


def _next(session: Session, competition: Competition, now: datetime) -> CompetitionStatus | None:
    """Return what a locked competition becomes now."""
    match competition.status:
        case CompetitionStatus.UPCOMING if competition.starts_at <= now:
            return CompetitionStatus.ACTIVE
        case CompetitionStatus.ACTIVE if competition.ends_at <= now:
            return CompetitionStatus.CLOSING
        case CompetitionStatus.CLOSING if (
            competition.cutoff_at <= now and competition.plan_after is None
        ):
            return CompetitionStatus.PROVISIONAL
        case CompetitionStatus.PROVISIONAL if _is_reviewed(session, competition, now):
            return CompetitionStatus.FINAL
    return None


def _is_reviewed(session: Session, competition: Competition, now: datetime) -> bool:
    frozen_at = session.scalars(
        select(Transition.happened_at).where(
            Transition.competition_id == competition.id,
            Transition.after == CompetitionStatus.PROVISIONAL,
        )
    ).one()
    until = frozen_at + timedelta(hours=competition.review_hours)
    if now < until or not is_standing_complete(session, competition.id):
        return False
    return now >= until + LONGEST_DOUBT or not is_prize_doubted(session, competition)


def begin(session: Session, competition: Competition, now: datetime) -> CompetitionStatus:
    """Start a locked competition, or call it off because its pool is not covered."""
    if pool.is_short(session, competition.id):
        _call_off(session, competition, now, None, POOL_NOT_FUNDED)
    else:
        move(session, competition, CompetitionStatus.ACTIVE, now)
    return competition.status


def move(
    session: Session,
    competition: Competition,
    after: CompetitionStatus,
    now: datetime,
    author: Person | None = None,
    reason: str | None = None,
    service: str | None = None,
) -> None:
    """Take a locked competition to another status. Without author and service it was the clock."""
    session.add(
        Transition(
            competition_id=competition.id,
            before=competition.status,
            after=after,
            happened_at=now,
            author_id=None if author is None else author.id,
            service=service,
            reason=reason,
        )
    )
    competition.status = after
    session.flush()  # the key speaks now, not at the commit
    mark_dirty(session, [(competition.id, None)])


def hold(session: Session, competition_id: uuid.UUID) -> Competition:
    """Lock a competition's row and return it as it stands. Raises NotFound."""
    competition = session.scalar(
        select(Competition)
        .where(Competition.id == competition_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if competition is None:
        raise NotFound("There is no such competition for you.", code="competition_not_found")
    return competition


def cancel(
    session: Session,
    competition_id: uuid.UUID,
    author: Person | None,
    reason: str | None,
    now: datetime,
    service: str | None = None,
) -> Competition:
    """Call a competition off, at any time before it is final; its pool goes back. Raises Conflict.

    Cancelling twice is not an error. `service` is the name of the one that does it, if no person
    does. Whose right it is has been checked.
    """
    lock_competition(session, competition_id)
    competition = hold(session, competition_id)
    if competition.status is CompetitionStatus.CANCELLED:
        return competition
    if competition.status not in CANCELLABLE:
        raise Conflict("It is final.", code="competition_final")
    _call_off(session, competition, now, author, reason, service)
    return competition


def _call_off(
    session: Session,
    competition: Competition,
    now: datetime,
    author: Person | None,
    reason: str | None,
    service: str | None = None,
) -> None:
    move(session, competition, CompetitionStatus.CANCELLED, now, author, reason, service)
    pool.give_back(session, competition.id, author, now)


def steps_of(session: Session, competition_id: uuid.UUID) -> list[Transition]:
    """Return the steps that a competition took, the first one first."""
    found = select(Transition).where(Transition.competition_id == competition_id)
    return sorted(session.scalars(found), key=lambda one: STEPS.index(one.after))
