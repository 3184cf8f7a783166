"""An organiser's answer to a flag."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.errors import Conflict, NotFound
from domain.leaderboards.marks import mark_dirty
from domain.locks import lock_competitions_shared, lock_people
from domain.scoring.recompute import ChangedDays, ScoreKey, recompute_changed
from domain.scoring.review import review_days
from models import Competition, Flag, PastDecision, Person
from models.competition import CompetitionStatus
from models.flag import Decision

COUNTED = frozenset(
    {CompetitionStatus.UPCOMING, CompetitionStatus.ACTIVE, CompetitionStatus.CLOSING}
)
"""Scores of these move with the data; later ones have a standing."""


@dataclass(frozen=True)
class Answer:
    """What an organiser says to a flag."""

    decision: Decision
    """Accepted or rejected."""
    note: str | None
    changed_at: datetime | None
    """The flag's own, as the organiser saw it; None answers whatever it has become."""


@dataclass(frozen=True)
class Decided:
    """The outcome of a decision."""

    flag_id: uuid.UUID
    scores_changed: int


def decide(
    session: Session,
    competition_id: uuid.UUID,
    flag_id: uuid.UUID,
    answer: Answer,
    decider: Person,
    now: datetime,
) -> Decided:
    """Let doubted slots count, or not. Another answer takes the place of an earlier one.

    The same answer once more changes nothing. Raises NotFound (`flag_not_found`, also for a flag
    whose data has gone) or Conflict (`flag_changed`, `competition_frozen`).
    """
    lock_people(session, [_find(session, competition_id, flag_id).person_id])
    lock_competitions_shared(session, [competition_id])
    flag = _find(session, competition_id, flag_id)
    if flag.decision is answer.decision:
        return Decided(flag.id, 0)
    if answer.changed_at is not None and answer.changed_at != flag.changed_at:
        raise Conflict("Its data has changed meanwhile.", code="flag_changed")
    _check_not_frozen(session, competition_id, now)
    _put(session, flag, answer, decider, now)
    return Decided(flag.id, len(_count(session, flag, now)))


def _find(session: Session, competition_id: uuid.UUID, flag_id: uuid.UUID) -> Flag:
    flag = session.scalar(
        select(Flag)
        .where(Flag.id == flag_id, Flag.competition_id == competition_id)
        .execution_options(populate_existing=True)
    )
    if flag is None:
        raise NotFound("There is no such flag.", code="flag_not_found")
    return flag


def _check_not_frozen(session: Session, competition_id: uuid.UUID, now: datetime) -> None:
    """After the cut-off slots may hold what came too late, so nothing is counted from them."""
    competition = session.get_one(Competition, competition_id, populate_existing=True)
    cut_off = competition.ends_at + timedelta(hours=competition.grace_hours)
    if competition.status not in COUNTED or cut_off <= now:
        raise Conflict("Its standing is frozen.", code="competition_frozen")


def _put(session: Session, flag: Flag, answer: Answer, decider: Person, now: datetime) -> None:
    if flag.decided_by is not None and flag.decided_at is not None:
        session.add(
            PastDecision(
                flag_id=flag.id,
                decision=flag.decision,
                decided_by=flag.decided_by,
                decided_at=flag.decided_at,
                note=flag.note,
            )
        )
    flag.decision, flag.note = answer.decision, answer.note
    flag.decided_by, flag.decided_at = decider.id, now
    session.flush()  # what follows reads it by plain SQL


def _count(session: Session, flag: Flag, now: datetime) -> list[ScoreKey]:
    """Let the day's flags and scores follow a decision.

    Whatever holds results beyond scores, as a frozen standing does, has to follow here too.
    """
    changed = ChangedDays([flag.person_id], [flag.metric], [flag.day])
    review_days(session, changed, [flag.competition_id], now)
    scores = recompute_changed(session, changed, [flag.competition_id])
    mark_dirty(session, scores)
    return scores
