"""Lines of the manual list that were paid as they stand there: settled in one statement.

What is accepted is in no doubt and has failed in nothing, so it comes to what `domain.payouts.row`
says by the same few columns. No money moves in the ledger: it lies where the list took it over.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.payouts.row import OPERATOR
from domain.payouts.states import Action, after
from models.payout import PayoutStatus
from models.rail import RailName


class Paid(NamedTuple):
    """What somebody says that they have paid."""

    reference: str
    amount: int
    """Minor units."""
    currency: str


# In order of their ids, as `domain.payouts.steps` locks them.
_SETTLE = text(
    """
    WITH line AS (
        SELECT p.id FROM unnest(CAST(:references AS text[]), CAST(:amounts AS bigint[]),
                                CAST(:currencies AS text[])) AS said(reference, amount, currency)
        JOIN payout p ON p.rail = :rail AND p.reference = said.reference
        WHERE p.status = :before AND (p.amount, p.currency) = (said.amount, said.currency)
        ORDER BY p.id FOR NO KEY UPDATE OF p
    ), settled AS (
        UPDATE payout p SET status = :after, due_at = :now, paid_at = :now, steps = p.steps + 1
        FROM line WHERE p.id = line.id
        RETURNING p.id, p.steps, p.attempts, p.reference
    ), written AS (
        INSERT INTO payout_step
            (payout_id, number, action, before, after, happened_at, attempt, actor)
        SELECT id, steps, :action, :before, :after, :now, attempts, :actor FROM settled
    )
    SELECT reference FROM settled
    """
)


def settle(session: Session, lines: Collection[Paid], now: datetime) -> set[str]:
    """Settle those lines that are on the list as they are told; return their references."""
    if not lines:
        return set()
    references, amounts, currencies = zip(*lines, strict=True)
    values = {
        "references": list(references),
        "amounts": list(amounts),
        "currencies": list(currencies),
        "rail": RailName.MANUAL,
        "action": Action.SETTLE,
        "actor": OPERATOR,
        "before": PayoutStatus.ACCEPTED,
        "after": after(PayoutStatus.ACCEPTED, Action.SETTLE),
    }
    return set(session.scalars(_SETTLE, {**values, "now": now}))
