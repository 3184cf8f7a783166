"""Adjustments: what a correction after the calculation makes of it, since no award ever changes.

One admin proposes, another approves, and with the approval it is in the ledger: from the funding
account to what the person is owed, or back. What is owed is paid by a payout of its own; what is
taken back is taken from payouts that have not left.
"""

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from domain.competitions.standing import newest
from domain.errors import NotAllowed, NotFound
from domain.ids import new_id
from domain.ledger.accounts import Account
from domain.ledger.posting import Movement, post, transfer
from domain.payouts.adjusting import carry_out
from domain.payouts.distributing import not_calculated
from domain.prizes.plan import as_plan
from domain.prizes.ranking import Ranking
from models import Adjustment, Award, Competition, Participant, Person, PrizePlan
from models.ledger import TransactionKind


class Seen(NamedTuple):
    """An adjustment with the public ids of those concerned."""

    adjustment: Adjustment
    user_id: uuid.UUID
    proposed_by: uuid.UUID
    approved_by: uuid.UUID | None


_PROPOSER, _APPROVER = aliased(Person), aliased(Person)
_SEEN = (
    select(Adjustment, Person.user_id, _PROPOSER.user_id, _APPROVER.user_id)
    .join(Person, Person.id == Adjustment.person_id)
    .join(_PROPOSER, _PROPOSER.id == Adjustment.proposed_by)
    .outerjoin(_APPROVER, _APPROVER.id == Adjustment.approved_by)
)


@dataclass(frozen=True)
class Difference:
    """What someone would get by the standing that holds now, beside what they were given."""

    user_id: uuid.UUID
    due: int
    awarded: int
    adjusted: int
    """Approved so far."""

    @property
    def missing(self) -> int:
        """What is still to be adjusted; negative is owed back."""
        return self.due - self.awarded - self.adjusted


def propose(
    session: Session,
    competition_id: uuid.UUID,
    user_id: uuid.UUID,
    amount: int,
    reason: str,
    author: Person,
    now: datetime,
) -> Adjustment:
    """Propose that someone is owed `amount` minor units, or owes them when negative.

    Raises NotFound (`competition_not_found`, `not_a_participant`) or Conflict
    (`prizes_not_calculated`).
    """
    plan = _settled_plan(session, competition_id)
    taking_part = select(Participant.person_id).where(
        Participant.competition_id == competition_id, Participant.user_id == user_id
    )
    person_id = session.scalar(taking_part)
    if person_id is None:
        raise NotFound("This person does not take part.", code="not_a_participant")
    made = Adjustment(
        id=new_id(),
        competition_id=competition_id,
        person_id=person_id,
        amount=amount,
        currency=plan.currency,
        reason=reason,
        proposed_at=now,
        proposed_by=author.id,
    )
    session.add(made)
    session.flush()
    return made


def approve(
    session: Session,
    competition_id: uuid.UUID,
    adjustment_id: uuid.UUID,
    author: Person,
    now: datetime,
) -> Adjustment:
    """Approve a proposal and post it. Repeating it changes nothing.

    Raises NotFound (`adjustment_not_found`), NotAllowed (`own_proposal`) or Conflict
    (`prizes_not_distributed`, `prize_already_sent`).
    """
    wanted = select(Adjustment).where(
        Adjustment.id == adjustment_id, Adjustment.competition_id == competition_id
    )
    made = session.scalar(wanted.with_for_update().execution_options(populate_existing=True))
    if made is None:
        raise NotFound("There is no such adjustment.", code="adjustment_not_found")
    if made.approved_at is not None:
        return made
    if made.proposed_by == author.id:
        raise NotAllowed("Another admin has to approve it.", code="own_proposal")
    carry_out(session, made, made.amount, str(author.user_id), now)
    made.approved_at, made.approved_by = now, author.id
    payable = Account.payable(made.currency, made.person_id)
    movement = Movement(
        TransactionKind.ADJUSTMENT,
        f"adjustment:{made.id}",
        transfer(Account.funding(made.currency), payable, made.amount),
        reason=made.reason,
        author_id=author.id,
    )
    post(session, [movement], now)
    return made


def see(session: Session, adjustment: Adjustment) -> Seen:
    """Return one with the public ids."""
    return Seen(*session.execute(_SEEN.where(Adjustment.id == adjustment.id)).one())


def of_competition(session: Session, competition_id: uuid.UUID) -> list[Seen]:
    """Return a competition's adjustments, the first one first."""
    found = _SEEN.where(Adjustment.competition_id == competition_id).order_by(Adjustment.id)
    return [Seen(*row) for row in session.execute(found)]


def differences(session: Session, competition: Competition) -> list[Difference]:
    """Return those people for whom the standing that holds now says something else.

    Raises Conflict (`prizes_not_calculated`).
    """
    plan = _settled_plan(session, competition.id)
    ranking = Ranking(competition.id, newest(session, competition.id))
    shared = ranking.share(session, as_plan(plan), competition.min_score)
    due = {one.user_id: one.amount for one in ranking.winners(session, shared)}
    awarded = _sums(session, Award, competition.id)
    adjusted = _sums(session, Adjustment, competition.id)
    found = [
        Difference(one, due.get(one, 0), awarded[one], adjusted[one])
        for one in sorted({*due, *awarded, *adjusted}, key=str)
    ]
    return [one for one in found if one.missing]


def _settled_plan(session: Session, competition_id: uuid.UUID) -> PrizePlan:
    if session.get(Competition, competition_id) is None:
        raise NotFound("There is no such competition for you.", code="competition_not_found")
    plan = session.get(PrizePlan, competition_id)
    if plan is None or plan.settled_at is None:
        raise not_calculated()
    return plan


def _sums(
    session: Session, kind: type[Award | Adjustment], competition_id: uuid.UUID
) -> Counter[uuid.UUID]:
    """Sum up what people were given, by public id; of adjustments those that were approved."""
    found = (
        select(Person.user_id, func.sum(kind.amount))
        .join(Person, Person.id == kind.person_id)
        .where(kind.competition_id == competition_id)
        .group_by(Person.user_id)
    )
    if kind is Adjustment:
        found = found.where(Adjustment.approved_at.is_not(None))
    return Counter({row[0]: int(row[1]) for row in session.execute(found)})
