"""The money in a competition's pool. Whoever moves some holds the competition's row."""

import uuid
from datetime import datetime
from itertools import pairwise

from sqlalchemy.orm import Session

from domain.ledger.accounts import Account
from domain.ledger.balances import balance
from domain.ledger.posting import Movement, post, transfer
from models import Person, PrizePlan
from models.ledger import TransactionKind


def account_of(plan: PrizePlan) -> Account:
    """Return the account of a competition's pool."""
    return Account.pool(plan.currency, plan.competition_id)


def money_in(session: Session, plan: PrizePlan) -> int:
    """Return what lies in a pool, in minor units."""
    return balance(session, account_of(plan))


def is_short(session: Session, competition_id: uuid.UUID) -> bool:
    """Say whether a competition promises more than lies in its pool."""
    plan = session.get(PrizePlan, competition_id, populate_existing=True)
    return plan is not None and plan.funded_at is None


def give_back_remainder(session: Session, plan: PrizePlan, amount: int, now: datetime) -> None:
    """Return what no place of a pool took to the funding account, by the account for that, once."""
    if not amount:
        return
    way = (account_of(plan), Account.remainder(plan.currency), Account.funding(plan.currency))
    steps = zip(("remainder", "remainder_return"), pairwise(way), strict=True)
    movements = [
        Movement(
            TransactionKind.REMAINDER,
            f"{name}:{plan.competition_id}",
            transfer(source, target, amount),
        )
        for name, (source, target) in steps
    ]
    post(session, movements, now)


def give_back(
    session: Session, competition_id: uuid.UUID, author: Person | None, now: datetime
) -> None:
    """Return the pool of a competition that was called off to the funding account, once."""
    plan = session.get(PrizePlan, competition_id, populate_existing=True)
    if plan is None:
        return
    if held := money_in(session, plan):
        returned = Movement(
            TransactionKind.POOL_RETURN,
            f"pool_return:{competition_id}",
            transfer(account_of(plan), Account.funding(plan.currency), held),
            author_id=None if author is None else author.id,
        )
        post(session, [returned], now)
    plan.funded_at, plan.settled_at = None, now
