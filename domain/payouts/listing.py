"""Payouts as they are shown: those of a distribution, and the prizes of a person."""

import uuid
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from domain.errors import NotFound
from models import Adjustment, Award, Payout, PayoutStep, Person

FIRST = uuid.UUID(int=0)
"""Before all payouts."""
LAST = uuid.UUID(int=2**128 - 1)
"""After all awards and adjustments."""


class Line(NamedTuple):
    """A payout, and whose it is."""

    payout: Payout
    rank: int | None
    """Of its winner's award, if there is one."""
    user_id: uuid.UUID
    display_name: str


class Prize(NamedTuple):
    """An award, or what an adjustment added to it, and what became of it."""

    id: uuid.UUID
    """The award's or the adjustment's."""
    competition_id: uuid.UUID
    rank: int | None
    """Of the award, if there is one."""
    amount: int
    """What is paid of it; all of it where nothing is."""
    currency: str
    payout: Payout | None
    """None until the competition's prizes are distributed."""


def same_winner(model: type[Payout | Adjustment]) -> ColumnElement[bool]:
    """Join the award of whoever gets something, also where it is no part of that award."""
    return and_(Award.competition_id == model.competition_id, Award.person_id == model.person_id)


_OF_DISTRIBUTION = (
    select(Payout, Award.rank, Person.user_id, Person.display_name)
    .outerjoin(Award, same_winner(Payout))
    .join(Person, Person.id == Payout.person_id)
    .order_by(Payout.id)
)
_AWARDS = (
    select(Award, Award.rank, Payout)
    .outerjoin(Payout, Payout.award_id == Award.id)
    .order_by(Award.id.desc())
)
_ADJUSTMENTS = (
    select(Adjustment, Award.rank, Payout)
    .join(Payout, Payout.adjustment_id == Adjustment.id)
    .outerjoin(Award, same_winner(Adjustment))
    .order_by(Adjustment.id.desc())
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
    won: list[Prize] = []
    for query, model in ((_AWARDS, Award), (_ADJUSTMENTS, Adjustment)):
        found = query.where(model.person_id == person_id, model.id < (before or LAST))
        won += [_prize(*row) for row in session.execute(found.limit(limit))]
    return sorted(won, key=lambda one: one.id, reverse=True)[:limit]


def _prize(given: Award | Adjustment, rank: int | None, payout: Payout | None) -> Prize:
    amount = given.amount if payout is None else payout.amount or given.amount
    return Prize(given.id, given.competition_id, rank, amount, given.currency, payout)


def story(session: Session, payout_id: uuid.UUID) -> tuple[Payout, list[PayoutStep]]:
    """Return a payout and all its steps, the first one first. Raises NotFound."""
    payout = session.get(Payout, payout_id)
    if payout is None:
        raise NotFound("There is no such payout.", code="payout_not_found")
    taken = select(PayoutStep).filter_by(payout_id=payout_id).order_by(PayoutStep.number)
    return payout, list(session.scalars(taken))
