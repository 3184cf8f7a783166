"""What approved adjustments make of payouts: one more for what is owed, less of those still here.

What has left is not asked back here: once its rail has returned it, it is here again.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from domain.errors import Conflict, NotFound
from domain.ids import new_id
from domain.payouts.row import Row, Step
from domain.payouts.states import TABLE, Action
from domain.payouts.steps import lock, take
from models import Adjustment, Distribution, Payout
from models.payout import PayoutStatus

HERE = {before for before, action in TABLE if action is Action.WITHDRAW}
"""What has not left, or came back."""

_THEIRS = text(
    """
    SELECT id FROM payout
    WHERE person_id = :person_id AND competition_id = :competition_id AND forfeited_at IS NULL
      AND status IN ('pending', 'held', 'failed', 'returned')
    """
)
_NOT_TAKEN = text(
    """
    SELECT (SELECT COALESCE(sum(amount), 0) FROM adjustment
            WHERE person_id = :person_id AND competition_id = :competition_id
              AND approved_at IS NOT NULL AND amount < 0)
         + (SELECT COALESCE(sum(lowered), 0) FROM payout
            WHERE person_id = :person_id AND competition_id = :competition_id)
    """
)
_LOWER = text(
    """
    UPDATE payout p SET amount = p.amount - part.amount, lowered = p.lowered + part.amount
    FROM unnest(CAST(:ids AS uuid[]), CAST(:amounts AS bigint[])) AS part(id, amount)
    WHERE p.id = part.id
    """
)


def carry_out(
    session: Session, adjustment: Adjustment, amount: int, actor: str, now: datetime
) -> None:
    """Let payouts say what an adjustment says, once: its row is locked and was not approved before.

    Raises Conflict: `prizes_not_distributed` while payouts are still made, and
    `prize_already_sent` when less is still here than is to be taken back.
    """
    found = select(Distribution).filter_by(competition_id=adjustment.competition_id)
    distribution = session.scalar(found)
    if distribution is None or distribution.laid_out_at is None:
        raise Conflict(
            "Its prizes are not distributed, so there is nothing to correct.",
            code="prizes_not_distributed",
        )
    if amount > 0:
        session.add(_payout(adjustment, amount, distribution.id, now))
        session.flush()
    else:
        _take_back(session, adjustment, -amount, actor, now)


def make_up_for(session: Session, adjustment_id: uuid.UUID, actor: str, now: datetime) -> bool:
    """Carry out an adjustment that was approved before payouts heeded any; say if it was lacking.

    Raises NotFound (`adjustment_not_found`) or Conflict: `adjustment_not_approved`, and as
    `carry_out` does.
    """
    adjustment = session.get(Adjustment, adjustment_id, with_for_update=True)
    if adjustment is None:
        raise NotFound("There is no such adjustment.", code="adjustment_not_found")
    if adjustment.approved_at is None:
        raise Conflict("Nobody has approved it.", code="adjustment_not_approved")
    amount = _lacking(session, adjustment)
    if amount:
        carry_out(session, adjustment, amount, actor, now)
    return amount != 0


def _lacking(session: Session, adjustment: Adjustment) -> int:
    """Return what payouts do not say yet of an adjustment.

    What is taken back is known by its sum, so that is of all the person's in the competition.
    """
    if adjustment.amount > 0:
        paid = select(Payout.id).filter_by(adjustment_id=adjustment.id)
        return adjustment.amount if session.scalar(paid) is None else 0
    lock(session, session.scalars(_THEIRS, _whose(adjustment)).all())
    not_taken = int(session.scalars(_NOT_TAKEN, _whose(adjustment)).one())
    # More than was to be taken is a fault that the ledger's proof names, and no reason to pay.
    return min(0, not_taken)


def _payout(
    adjustment: Adjustment, amount: int, distribution_id: uuid.UUID, now: datetime
) -> Payout:
    return Payout(
        id=new_id(),
        adjustment_id=adjustment.id,
        distribution_id=distribution_id,
        competition_id=adjustment.competition_id,
        person_id=adjustment.person_id,
        amount=amount,
        currency=adjustment.currency,
        status=PayoutStatus.PENDING,
        due_at=now,
        created_at=now,
    )


def _take_back(
    session: Session, adjustment: Adjustment, amount: int, actor: str, now: datetime
) -> None:
    """Take an amount from what is here, of the newest payouts first."""
    rows = lock(session, session.scalars(_THEIRS, _whose(adjustment)).all())
    # As they are now that they are locked: some may have left while we waited.
    here = [one for one in rows.values() if one.status in HERE and one.forfeited_at is None]
    parts = _parts(sorted(here, key=lambda one: one.id, reverse=True), amount)
    lowered = sum(part for _, part in parts)
    if lowered < amount:
        raise Conflict(
            f"Only {lowered} of it has not left. What has left must come back first.",
            code="prize_already_sent",
        )
    steps = [
        Step(row.id, _action(row, part), actor, detail=adjustment.reason) for row, part in parts
    ]
    if len(take(session, steps, now)) < len(steps):
        raise ValueError("a payout that is here could not be lowered")
    values = {"ids": [row.id for row, _ in parts], "amounts": [part for _, part in parts]}
    session.execute(_LOWER, values)


def _whose(adjustment: Adjustment) -> dict[str, object]:
    return {"person_id": adjustment.person_id, "competition_id": adjustment.competition_id}


def _parts(here: Sequence[Row], amount: int) -> list[tuple[Row, int]]:
    """Return how much of an amount each payout bears, as far as they reach."""
    parts = []
    for row in here:
        if part := min(amount, row.amount):
            parts.append((row, part))
            amount -= part
    return parts


def _action(row: Row, part: int) -> Action:
    return Action.WITHDRAW if part == row.amount else Action.LOWER
