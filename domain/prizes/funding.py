"""Money in: from the funding account into a competition's pool, before it starts."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from domain.competitions.cancelled import refuse_cancelled
from domain.competitions.life import hold
from domain.errors import Conflict, Invalid
from domain.ids import new_id
from domain.ledger.accounts import Account
from domain.ledger.posting import Movement, post, transfer
from domain.prizes import pool
from models import PrizePlan
from models.competition import CompetitionStatus
from models.ledger import TransactionKind


@dataclass(frozen=True)
class Funded:
    """A pool, and what lies in it."""

    plan: PrizePlan
    held: int
    """Minor units."""


def fund(
    session: Session,
    competition_id: uuid.UUID,
    amount: int,
    currency: str,
    author_id: int | None,
    now: datetime,
) -> Funded:
    """Put `amount` minor units into a pool. It may come in parts; each call adds its own.

    Raises NotFound, Invalid for another currency, or Conflict (`no_prize`, `competition_cancelled`,
    `competition_started`, `pool_overfunded`).
    """
    competition = hold(session, competition_id)
    plan = session.get(PrizePlan, competition_id, populate_existing=True)
    if plan is None:
        raise no_prize()
    refuse_cancelled(competition)
    if competition.status is not CompetitionStatus.UPCOMING or competition.starts_at <= now:
        raise Conflict("It has started.", code="competition_started")
    if currency != plan.currency:
        raise Invalid(f"must be {plan.currency}", loc=("body", "currency"))
    held = pool.money_in(session, plan) + amount
    if held > plan.pool:
        missing = plan.pool - held + amount
        raise Conflict(f"Only {missing} are missing.", code="pool_overfunded")
    movement = Movement(
        TransactionKind.FUND,
        f"fund:{new_id()}",
        transfer(Account.funding(currency), pool.account_of(plan), amount),
        author_id=author_id,
    )
    post(session, [movement], now)
    if held == plan.pool:
        plan.funded_at = now
    return Funded(plan, held)


def no_prize() -> Conflict:
    """Return the refusal of what only competitions with a prize have."""
    return Conflict("It has no prize.", code="no_prize")
