"""Lists of who takes part, as one caller sees them."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from domain.competitions.freshness import Freshness, freshness_of
from models import Competition, Participant, Person, Ruling


@dataclass(frozen=True)
class ParticipantSeen:
    """A participant as one caller sees them. All but the first two is the organiser's to know."""

    participant: Participant
    display_name: str
    reason: str | None = None
    """Why they were disqualified; they may know themselves."""
    freshness: Freshness | None = None
    behind: bool | None = None


def list_participants(
    session: Session,
    competition: Competition,
    person: Person,
    *,
    organises: bool,
    limit: int,
    after: tuple[datetime, uuid.UUID] | None,
) -> list[ParticipantSeen]:
    """Return at most `limit` participants as `person` sees them, in order of joining.

    `after` is the time of joining and the user id of the last one seen.
    """
    found = (
        select(Participant, Person.display_name)
        .join(Person, Person.id == Participant.person_id)
        .where(Participant.competition_id == competition.id)
        .order_by(Participant.joined_at, Participant.user_id)
        .limit(limit)
    )
    if after is not None:
        found = found.where(tuple_(Participant.joined_at, Participant.user_id) > after)
    rows = [(participant, name) for participant, name in session.execute(found)]
    out = [one.person_id for one, _ in rows if one.disqualified_at is not None]
    reasons = _reasons(session, competition, out if organises else {person.id} & set(out))
    keys = [(competition.id, one.person_id) for one, _ in rows]
    freshness = freshness_of(session, keys if organises else [])
    return [
        ParticipantSeen(
            one,
            name,
            reasons.get(one.person_id),
            own := freshness.get((competition.id, one.person_id)),
            own.is_behind(competition) if own else None,
        )
        for one, name in rows
    ]


def _reasons(
    session: Session, competition: Competition, person_ids: Collection[int]
) -> dict[int, str]:
    newest = (
        select(Ruling.person_id, Ruling.reason)
        .where(Ruling.competition_id == competition.id, Ruling.person_id.in_(person_ids))
        .ext(distinct_on(Ruling.person_id))
        .order_by(Ruling.person_id, Ruling.id.desc())
    )
    return {row.person_id: row.reason for row in session.execute(newest)}
