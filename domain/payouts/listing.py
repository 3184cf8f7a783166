"""Payouts as they are shown: those of a distribution, and the prizes of a person."""

import uuid
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.errors import NotFound
from models import Award, Payout, PayoutStep, Person

FIRST = uuid.UUID(int=0)
"""Before all payouts."""
LAST = uuid.UUID(int=2**128 - 1)
"""After all awards."""


class Line(NamedTuple):
    """A payout, and whose it is."""

    payout: Payout
    rank: int
    user_id: uuid.UUID
    display_name: str


class Prize(NamedTuple):
    """An award, and what became of it."""

    award: Award
    payout: Payout | None
    """None until the competition's prizes are distributed."""


_OF_DISTRIBUTION = (
    select(Payout, Award.rank, Person.user_id, Person.display_name)
    .join(Award, Award.id == Payout.award_id)
    .join(Person, Person.id == Payout.person_id)
    .order_by(Payout.id)
)
_OF_PERSON = (
    select(Award, Payout).outerjoin(Payout, Payout.award_id == Award.id).order_by(Award.id.desc())
)


def of_distribution(
    session: Session, distribution_id: uuid.UUID, after: uuid.UUID | None, limit: int
) -> list[Line]:
    """Return at most `limit` payouts that follow one, the best first."""
    found = _OF_DISTRIBUTION.where(
        Payout.distribution_id == distribution_id, Payout.id > (after or FIRST)
    )
    return [Line(*row) for row in session.execute(found.limit(limit))]


def of_person(
    session: Session, person_id: int, before: uuid.UUID | None, limit: int
) -> list[Prize]:
    """Return at most `limit` prizes older than one, the newest first."""
    found = _OF_PERSON.where(Award.person_id == person_id, Award.id < (before or LAST))
    return [Prize(*row) for row in session.execute(found.limit(limit))]


def story(session: Session, payout_id: uuid.UUID) -> tuple[Payout, list[PayoutStep]]:
    """Return a payout and all its steps, the first one first. Raises NotFound."""
    payout = session.get(Payout, payout_id)
    if payout is None:
        raise NotFound("There is no such payout.", code="payout_not_found")
    taken = select(PayoutStep).filter_by(payout_id=payout_id).order_by(PayoutStep.number)
    return payout, list(session.scalars(taken))
