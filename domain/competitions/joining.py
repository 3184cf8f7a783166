"""Who takes part."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from domain.competitions.cancelled import refuse_cancelled
from domain.errors import Conflict, NotAllowed, NotFound
from domain.fitness import schedule
from domain.fitness.owed import owe_what_is_missing
from domain.leaderboards.marks import mark_dirty
from domain.locks import lock_account, lock_competitions_shared, lock_people
from domain.scoring.recompute import recompute_participant
from domain.scoring.review import review_participant
from models import Competition, Participant, Person
from models.competition import CompetitionStatus, Visibility


@dataclass(frozen=True)
class Joined:
    """The outcome of joining."""

    competition: Competition
    new: bool
    owes: bool
    """Some of the time since the start was never fetched and is now queued to be."""


def join(
    session: Session,
    person: Person,
    competition_id: uuid.UUID,
    invite_code: str | None,
    now: datetime,
) -> Joined:
    """Let a person take part. Joining twice is not an error.

    Raises NotFound (also `account_gone`), NotAllowed (`invite_code_wrong`) or Conflict
    (`competition_started`, `competition_over`, `competition_full`).
    """
    lock_account(session, person.id)
    lock_competitions_shared(session, [competition_id])
    competition = _current(session, competition_id)
    if session.get(Participant, (competition_id, person.id)) is not None:
        return Joined(competition, new=False, owes=False)
    _check_invited(competition, person, invite_code)
    _check_joinable(competition, now)
    _take_place(session, competition)
    session.add(
        Participant(
            competition_id=competition.id,
            person_id=person.id,
            user_id=person.user_id,
            joined_at=now,
        )
    )
    session.flush()  # the statements below read it
    owes = owe_what_is_missing(session, [person.id], now) > 0
    schedule.plan(session, [person.id], now)
    review_participant(session, competition.id, person.id, competition.metric, now)
    recompute_participant(session, competition.id, person.id)
    mark_dirty(session, [(competition.id, person.id)])
    return Joined(competition, new=True, owes=owes)


def leave(
    session: Session,
    person: Person,
    competition_id: uuid.UUID,
    now: datetime,
) -> Competition:
    """Let a person go before the start.

    Raises NotFound (`competition_not_found`, `not_a_participant`) or Conflict
    (`competition_cancelled`, `competition_started`).
    """
    lock_people(session, [person.id])
    lock_competitions_shared(session, [competition_id])
    competition = _current(session, competition_id)
    participant = session.get(Participant, (competition_id, person.id))
    if participant is None:
        raise NotFound("You do not take part in this competition.", code="not_a_participant")
    refuse_cancelled(competition)
    if competition.starts_at <= now or competition.status is not CompetitionStatus.UPCOMING:
        raise Conflict("It has started; nobody leaves now.", code="competition_started")
    session.execute(
        delete(Participant).where(
            Participant.competition_id == competition_id, Participant.person_id == person.id
        )
    )
    session.execute(
        update(Competition)
        .where(Competition.id == competition_id)
        .values(participant_count=Competition.participant_count - 1)
    )
    session.refresh(competition)
    schedule.plan(session, [person.id], now)
    mark_dirty(session, [(competition_id, person.id)])
    return competition


def _current(session: Session, competition_id: uuid.UUID) -> Competition:
    competition = session.scalar(
        select(Competition)
        .where(Competition.id == competition_id)
        .execution_options(populate_existing=True)
    )
    if competition is None:
        raise NotFound("There is no such competition for you.", code="competition_not_found")
    return competition


def _check_invited(competition: Competition, person: Person, invite_code: str | None) -> None:
    if competition.visibility is Visibility.PUBLIC or competition.organiser_id == person.id:
        return
    expected = competition.invite_code or ""
    if not secrets.compare_digest((invite_code or "").encode(), expected.encode()):
        raise NotAllowed("This needs the right invite code.", code="invite_code_wrong")


def _check_joinable(competition: Competition, now: datetime) -> None:
    if competition.ends_at <= now or competition.status not in {
        CompetitionStatus.UPCOMING,
        CompetitionStatus.ACTIVE,
    }:
        raise Conflict("It is over.", code="competition_over")
    if competition.starts_at <= now and not competition.late_join:
        raise Conflict("It has started and takes no late joiners.", code="competition_started")


def _take_place(session: Session, competition: Competition) -> None:
    taken = session.execute(
        update(Competition)
        .where(
            Competition.id == competition.id,
            or_(
                Competition.max_participants.is_(None),
                Competition.participant_count < Competition.max_participants,
            ),
        )
        .values(participant_count=Competition.participant_count + 1)
        .returning(Competition.participant_count)
        .execution_options(synchronize_session=False)
    ).first()
    if taken is None:
        raise Conflict("Every place is taken.", code="competition_full")
    session.refresh(competition)
