"""Points that services give: the posted part of a score, and where it comes from."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.errors import Conflict, NotFound
from domain.ids import new_id
from domain.leaderboards.marks import mark_dirty
from domain.locks import lock_for_data
from domain.scoring.recompute import add_up
from models import ApiKey, Competition, Participant, Person, Posting
from models.competition import MAX_SCORE
from models.posting import PostingKind

SHOWN = 100
"""Postings that an explanation shows."""


@dataclass(frozen=True)
class Points:
    """What a service says about someone's posted part, in whole units."""

    competition_id: uuid.UUID
    user_id: uuid.UUID
    kind: PostingKind
    value: int
    reason: str | None


@dataclass(frozen=True)
class Posted:
    """A posting and the score that it led to."""

    posting: Posting
    participant: Participant

    @property
    def score(self) -> int:
        """As the database will compute it."""
        return self.participant.computed + self.participant.posted


@dataclass(frozen=True)
class Line:
    """A posting and the name of the service that made it."""

    posting: Posting
    service: str


@dataclass(frozen=True)
class Postings:
    """A participant's latest postings, each of which begins where the one before it ended."""

    count: int
    """Of all there are."""
    lines: list[Line]


def post(
    session: Session,
    points: Points,
    api_key_id: uuid.UUID,
    idempotency_key: str | None,
    now: datetime,
) -> Posted:
    """Change the posted part of a score. After the commit ring `leaderboards.flush`.

    Raises NotFound (`competition_not_found`, `not_a_participant`) or Conflict
    (`competition_closed`, `score_out_of_range`).
    """
    person_id = session.scalar(select(Person.id).where(Person.user_id == points.user_id))
    people = [] if person_id is None else [person_id]
    locked = lock_for_data(session, people, now)
    participant = _participant(session, points.competition_id, person_id)
    if points.competition_id not in locked.open:
        raise Conflict("It takes no points any more.", code="competition_closed")
    before = participant.posted
    after = points.value if points.kind is PostingKind.SET else before + points.value
    if not 0 <= after <= MAX_SCORE - participant.computed:
        raise Conflict(_beyond(participant, after), code="score_out_of_range")
    posting = Posting(
        id=new_id(),
        competition_id=points.competition_id,
        person_id=participant.person_id,
        kind=points.kind,
        value=points.value,
        before=before,
        after=after,
        reason=points.reason,
        api_key_id=api_key_id,
        idempotency_key=idempotency_key,
        posted_at=now,
    )
    session.add(posting)
    participant.posted = after
    session.flush()
    if after < before:
        # What was measured may have found no room beside it.
        add_up(session, [(points.competition_id, participant.person_id)])
        session.refresh(participant, ["computed"])
    mark_dirty(session, [(points.competition_id, participant.person_id)])
    return Posted(posting, participant)


def _participant(session: Session, competition_id: uuid.UUID, person_id: int | None) -> Participant:
    found = session.scalar(
        select(Participant)
        .where(Participant.competition_id == competition_id, Participant.person_id == person_id)
        .execution_options(populate_existing=True)
    )
    if found is not None:
        return found
    if session.get(Competition, competition_id) is None:
        raise NotFound("There is no such competition.", code="competition_not_found")
    raise NotFound("This person does not take part.", code="not_a_participant")


def _beyond(participant: Participant, after: int) -> str:
    if after < 0:
        return f"Only {participant.posted} were posted: there is no more to take away."
    return f"A score goes up to {MAX_SCORE}, and {participant.score} are there."


def postings_of(session: Session, competition_id: uuid.UUID, person_id: int) -> Postings:
    """Return a participant's latest postings."""
    lines = _latest(session, competition_id, person_id, SHOWN, None)
    theirs = (Posting.competition_id == competition_id, Posting.person_id == person_id)
    count = session.scalar(select(func.count()).select_from(Posting).where(*theirs))
    return Postings(count or 0, lines[::-1])


def list_postings(
    session: Session, competition_id: uuid.UUID, user_id: uuid.UUID, limit: int, before: int | None
) -> list[Line]:
    """Return at most `limit` of a participant's postings, the latest first.

    They are older than the one of the number `before`. Raises NotFound (`not_a_participant`).
    """
    person_id = session.scalar(
        select(Participant.person_id)
        .join(Person, Person.id == Participant.person_id)
        .where(Participant.competition_id == competition_id, Person.user_id == user_id)
    )
    if person_id is None:
        raise NotFound("This person does not take part.", code="not_a_participant")
    return _latest(session, competition_id, person_id, limit, before)


def _latest(
    session: Session, competition_id: uuid.UUID, person_id: int, limit: int, before: int | None
) -> list[Line]:
    found = (
        select(Posting, ApiKey.name)
        .join(ApiKey, ApiKey.id == Posting.api_key_id)
        .where(Posting.competition_id == competition_id, Posting.person_id == person_id)
        .order_by(Posting.number.desc())
        .limit(limit)
    )
    if before is not None:
        found = found.where(Posting.number < before)
    return [Line(posting, service) for posting, service in session.execute(found)]
