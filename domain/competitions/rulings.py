"""Rulings: who is taken off a board and put back, and what that makes of a frozen standing."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.competitions.cancelled import refuse_cancelled
from domain.competitions.freezing import begin_standing
from domain.competitions.life import hold
from domain.errors import Conflict, NotFound
from domain.leaderboards.marks import mark_dirty
from domain.locks import lock_competitions_shared, lock_people
from models import Competition, Participant, Person, Ruling, RulingKind, Standing
from models.competition import CompetitionStatus

FROZEN = {CompetitionStatus.PROVISIONAL, CompetitionStatus.FINAL}


@dataclass(frozen=True)
class Ruled:
    """A participant after a ruling."""

    participant: Participant
    display_name: str
    standing: Standing | None
    """The version of a frozen standing that heeds it, still to be written."""


def rule(
    session: Session,
    competition_id: uuid.UUID,
    user_id: uuid.UUID,
    kind: RulingKind,
    reason: str,
    author: Person,
    now: datetime,
    *,
    is_admin: bool = False,
) -> Ruled:
    """Disqualify or reinstate a participant; repeating it changes nothing.

    They keep their place either way, so nobody can take it meanwhile. Raises NotFound
    (`not_a_participant`) or Conflict (`competition_cancelled`, or `competition_final`: then only
    an admin corrects). Whose right it is has been checked.
    """
    person = session.scalar(select(Person).where(Person.user_id == user_id))
    if person is None:
        raise _no_participant()
    lock_people(session, [person.id])
    lock_competitions_shared(session, [competition_id])
    competition = hold(session, competition_id)
    key = (competition_id, person.id)
    participant = session.get(Participant, key, populate_existing=True)
    if participant is None:
        raise _no_participant()
    check_open_to_rulings(competition, is_admin=is_admin)
    if (participant.disqualified_at is not None) is (kind is RulingKind.DISQUALIFIED):
        return Ruled(participant, person.display_name, None)
    session.add(
        Ruling(
            competition_id=competition_id,
            person_id=person.id,
            kind=kind,
            reason=reason,
            author_id=author.id,
            ruled_at=now,
        )
    )
    participant.disqualified_at = now if kind is RulingKind.DISQUALIFIED else None
    session.flush()  # the new version must see it
    mark_dirty(session, [key])
    standing = None
    if competition.status in FROZEN:
        standing = revise(session, competition_id, f"{kind}: {reason}", author, now)
    return Ruled(participant, person.display_name, standing)


def revise(
    session: Session, competition_id: uuid.UUID, reason: str, author: Person, now: datetime
) -> Standing:
    """Begin a new version of a frozen standing. Raises Conflict (`competition_not_frozen`)."""
    competition = hold(session, competition_id)
    if competition.status not in FROZEN:
        raise Conflict("It is not frozen.", code="competition_not_frozen")
    return begin_standing(session, competition_id, reason, author, now)


def check_open_to_rulings(competition: Competition, *, is_admin: bool = False) -> None:
    """Raise Conflict (`competition_cancelled`, `competition_final`)."""
    refuse_cancelled(competition)
    if competition.status is CompetitionStatus.FINAL and not is_admin:
        raise Conflict("It is final; an admin can correct it.", code="competition_final")


def _no_participant() -> NotFound:
    return NotFound("This person does not take part.", code="not_a_participant")
