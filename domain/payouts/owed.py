"""What winners are owed, beside what payouts would take of it.

If the two do not agree, somebody has to look: that one payout waits, and holds up no other.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy.orm import Session

from domain.ledger.accounts import Account, find
from domain.ledger.balances import locked
from domain.ledger.posting import PayableOverdrawn
from domain.payouts.row import CLOCK, Step
from domain.payouts.states import Action
from domain.payouts.steps import Taken
from models.payout import HoldReason


def overdrawing(
    session: Session, wanted: Mapping[uuid.UUID, tuple[Account, int]]
) -> set[uuid.UUID]:
    """Return the payouts that want more of an account than those before them have left there.

    The accounts are locked until the transaction ends, so all others can be taken.
    """
    if not wanted:
        return set()
    left = Counter(locked(session, find(session, {account for account, _ in wanted.values()})))
    beyond = set()
    for payout_id, (account, amount) in wanted.items():
        if amount > left[account]:
            beyond.add(payout_id)
        else:
            left[account] -= amount
    return beyond


def hold(payout_id: uuid.UUID) -> Step:
    """Let a payout wait that would overdraw its winner's account, until an operator releases it."""
    return Step(
        payout_id,
        Action.HOLD,
        CLOCK,
        code=PayableOverdrawn.code,
        detail="Its winner is owed less than that.",
        hold_reason=HoldReason.OPERATOR,
    )


def held(taken: Iterable[Taken]) -> list[uuid.UUID]:
    """Return the payouts that wait since these steps because of that."""
    return [one.after.id for one in taken if one.step.code == PayableOverdrawn.code]
