"""An organiser's answer to a flag."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.competitions.former_scores import former_score, keep_former
from domain.competitions.life import hold
from domain.competitions.rulings import check_open_to_rulings, revise
from domain.errors import Conflict, NotFound
from domain.locks import lock_competitions_shared, lock_people
from domain.scoring.at_cutoff import recompute_at_cutoff, review_at_cutoff
from domain.scoring.recompute import ChangedDays, ScoreKey
from models import Competition, Flag, Participant, PastDecision, Person, Standing
from models.competition import CompetitionStatus
from models.flag import Decision


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
    standing: Standing | None
    """The version of a frozen standing that heeds it, still to be written."""


def decide(
    session: Session,
    competition_id: uuid.UUID,
    flag_id: uuid.UUID,
    answer: Answer,
    decider: Person,
    now: datetime,
) -> Decided:
    """Let doubted slots count, or not. Another answer takes the place of an earlier one.

    After the cut-off the scores follow the data of then, and once they are frozen the next version
    of the standing does. The same answer once more changes nothing. Raises NotFound
    (`flag_not_found`, also for a flag whose data has gone) or Conflict (`flag_changed`,
    `competition_final`, `competition_cancelled`).
    """
    lock_people(session, [_find(session, competition_id, flag_id).person_id])
    lock_competitions_shared(session, [competition_id])
    competition = hold(session, competition_id)
    flag = _find(session, competition_id, flag_id)
    if flag.decision is answer.decision:
        return Decided(flag.id, 0, None)
    if answer.changed_at is not None and answer.changed_at != flag.changed_at:
        raise Conflict("Its data has changed meanwhile.", code="flag_changed")
    check_open_to_rulings(competition)
    _put(session, flag, answer, decider, now)
    participant = session.get_one(
        Participant, (competition_id, flag.person_id), populate_existing=True
    )
    former = former_score(participant)
    scores = _count(session, competition, flag, now)
    standing = None
    if scores and competition.status is CompetitionStatus.PROVISIONAL:
        standing = revise(session, competition_id, _reason(flag), decider, now)
        keep_former(session, former, standing)
    return Decided(flag.id, len(scores), standing)


def _find(session: Session, competition_id: uuid.UUID, flag_id: uuid.UUID) -> Flag:
    flag = session.scalar(
        select(Flag)
        .where(Flag.id == flag_id, Flag.competition_id == competition_id)
        .execution_options(populate_existing=True)
    )
    if flag is None:
        raise NotFound("There is no such flag.", code="flag_not_found")
    return flag


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


def _count(session: Session, competition: Competition, flag: Flag, now: datetime) -> list[ScoreKey]:
    """Let the day's flags and scores follow a decision."""
    day = flag.person_id, flag.metric, flag.day
    review_at_cutoff(session, competition.id, competition.cutoff_at, day, now)
    changed = ChangedDays.whole([day])
    return recompute_at_cutoff(session, competition.id, competition.cutoff_at, changed)


def _reason(flag: Flag) -> str:
    said = f"flag {flag.decision}"
    return said if flag.note is None else f"{said}: {flag.note}"
