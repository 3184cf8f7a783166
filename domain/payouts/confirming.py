"""Lines of the manual list that were paid as they stand there: settled in one statement.

What is accepted is in no doubt and has failed in nothing, so it comes to what `domain.payouts.row`
says by the same few columns. No money moves in the ledger: it lies where the list took it over.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.payouts.claims import payout_of
from domain.payouts.row import OPERATOR
from domain.payouts.states import Action, after
from domain.payouts.steps import BY_KEY
from models.payout import PayoutStatus
from models.rail import RailName


class Paid(NamedTuple):
    """What somebody says that they have paid."""

    reference: str
    amount: int
    """Minor units."""
    currency: str


# What a line reads is one text, so that no index on a part of it tempts the planner to read the
# whole list for each page.
_SETTLE = text(
    """
    WITH settled AS (
        UPDATE payout p SET status = :after, due_at = :now, paid_at = :now, steps = p.steps + 1
        FROM unnest(CAST(:ids AS uuid[]), CAST(:lines AS text[])) AS told(id, line)
        WHERE p.id = told.id
          AND concat_ws(' ', p.status, p.rail, p.reference, p.amount, p.currency) = told.line
        RETURNING p.id, p.steps, p.attempts, p.reference
    ), written AS (
        INSERT INTO payout_step
            (payout_id, number, action, before, after, happened_at, attempt, actor)
        SELECT id, steps, :action, :before, :after, :now, attempts, :actor FROM settled
    )
    SELECT CASE WHEN count(*) < :told THEN COALESCE(array_agg(reference), '{}') END FROM settled
    """
)


def settle(session: Session, lines: Collection[Paid], now: datetime) -> set[str]:
    """Settle those lines that are on the list as they are told; return their references."""
    before = PayoutStatus.ACCEPTED
    # In the order in which all lock payouts.
    told = sorted(
        (id_, f"{before} {RailName.MANUAL} {line.reference} {line.amount} {line.currency}")
        for line in lines
        if (id_ := payout_of(line.reference)) is not None
    )
    if not told:
        return set()
    values = {
        "ids": [id_ for id_, _ in told],
        "lines": [line for _, line in told],
        "told": len(lines),
        "action": Action.SETTLE,
        "actor": OPERATOR,
        "before": before,
        "after": after(before, Action.SETTLE),
    }
    session.execute(BY_KEY)
    some = session.scalar(_SETTLE, {**values, "now": now})
    return {line.reference for line in lines} if some is None else set(some)
