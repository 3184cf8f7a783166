"""What a correction after the calculation makes of prizes."""

import uuid
from typing import Annotated, Self

from pydantic import AfterValidator, Field

from domain.prizes.adjustments import Seen
from web.schemas.fields import Answer, Body, Reason, UserId, UtcTime

MOST = 10**12


def _something(amount: int) -> int:
    if amount == 0:
        raise ValueError("must not be 0")
    return amount


class AdjustmentBody(Body):
    """What someone is owed, or owes."""

    user_id: UserId
    amount: Annotated[int, Field(ge=-MOST, le=MOST), AfterValidator(_something)]
    """Minor units of the prize's currency; negative is owed back."""
    reason: Reason


class AdjustmentAnswer(Answer):
    """A proposal, and whether it was approved; only then it is in the ledger."""

    id: uuid.UUID
    user_id: UserId
    amount: int
    currency: str
    reason: str
    proposed_at: UtcTime
    proposed_by: UserId
    approved_at: UtcTime | None
    approved_by: UserId | None

    @classmethod
    def of(cls, seen: Seen) -> Self:
        """Render an adjustment."""
        row = seen.adjustment
        return cls(
            id=row.id,
            user_id=seen.user_id,
            amount=row.amount,
            currency=row.currency,
            reason=row.reason,
            proposed_at=row.proposed_at,
            proposed_by=seen.proposed_by,
            approved_at=row.approved_at,
            approved_by=seen.approved_by,
        )


class DifferenceAnswer(Answer):
    """What someone would get by the standing that holds now, and what they were given."""

    user_id: UserId
    due: int
    awarded: int
    adjusted: int
    """Approved so far."""
    missing: int
    """What is still to be adjusted; negative is owed back."""


class AdjustmentsAnswer(Answer):
    """Adjustments, and what is still to be adjusted."""

    items: list[AdjustmentAnswer]
    differences: list[DifferenceAnswer]
