"""Prizes shared out, on their way, and received."""

import enum
import uuid
from typing import Self

from domain.payouts.distributing import Distributed
from domain.payouts.listing import Line, Prize
from domain.prizes.calculation import Calculated
from models import Payout
from models.payout import HoldReason, PayoutStatus
from models.rail import RailName
from web.schemas.fields import Answer, UserId, UtcTime

AWARDED = ("competition_id", "rank", "amount", "currency")
BECAME = ("status", "rail", "paid_at", "hold_reason")


class AwardAnswer(Answer):
    """What someone gets, in minor units."""

    rank: int
    user_id: UserId
    amount: int


class CalculationAnswer(Answer):
    """A pool shared out. Awards and remainder always sum up to the pool."""

    competition_id: uuid.UUID
    preview: bool
    """Whether it may still change, and nothing was stored."""
    currency: str
    pool: int
    awards: list[AwardAnswer]
    remainder: int
    """What no place took; it goes back to where the pool came from."""
    total: int
    """The sum of the awards."""

    @classmethod
    def of(cls, competition_id: uuid.UUID, made: Calculated) -> Self:
        """Render a calculation."""
        return cls(
            competition_id=competition_id,
            preview=made.preview,
            currency=made.currency,
            pool=made.shared.pool,
            awards=[AwardAnswer.model_validate(one) for one in made.winners],
            remainder=made.shared.remainder,
            total=made.shared.total,
        )


class DistributionStatus(enum.StrEnum):
    """How far a distribution is."""

    PREPARING = "preparing"
    """Payouts are being made."""
    PAYING = "paying"
    DONE = "done"
    """Every payout is paid, or its money came back."""


class DistributionAnswer(Answer):
    """A competition's prizes on their way."""

    distribution_id: uuid.UUID
    status: DistributionStatus
    payouts: int
    """How many there are in the end."""

    @classmethod
    def of(cls, made: Distributed) -> Self:
        """Render a distribution."""
        return cls(
            distribution_id=made.distribution.id,
            status=DistributionStatus(made.state),
            payouts=made.payouts,
        )


class FailureAnswer(Answer):
    """Why the last attempt moved no money for sure; the page of errors explains the codes."""

    code: str
    detail: str | None

    @classmethod
    def of(cls, row: Payout | None) -> Self | None:
        """Render what a payout says, if it says anything."""
        if row is None or row.failure_code is None:
            return None
        return cls(code=row.failure_code, detail=row.failure_detail)


class PayoutAnswer(Answer):
    """A prize on its way."""

    payout_id: uuid.UUID
    rank: int | None
    """Null of what a correction gives to somebody without an award."""
    user_id: UserId
    display_name: str
    amount: int
    currency: str
    status: PayoutStatus
    paid_at: UtcTime | None
    rail: RailName | None
    """This and what follows is for the organiser, admins and services; null for others."""
    hold_reason: HoldReason | None
    failure: FailureAnswer | None

    @classmethod
    def of(cls, line: Line, *, in_full: bool) -> Self:
        """Render a payout."""
        payout, rank, user_id, display_name = line
        return cls(
            payout_id=payout.id,
            rank=rank,
            user_id=user_id,
            display_name=display_name,
            amount=payout.amount,
            currency=payout.currency,
            status=payout.status,
            paid_at=payout.paid_at,
            rail=payout.rail if in_full else None,
            hold_reason=payout.hold_reason if in_full else None,
            failure=FailureAnswer.of(payout) if in_full else None,
        )


class PayoutsAnswer(DistributionAnswer):
    """A distribution with a part of its payouts. `next_cursor` is null at their end."""

    competition_id: uuid.UUID
    requested_at: UtcTime
    counts: dict[PayoutStatus, int]
    """Payouts that are made already, by status."""
    items: list[PayoutAnswer]
    next_cursor: str | None


class PrizeHistoryAnswer(Answer):
    """A prize of mine."""

    competition_id: uuid.UUID
    rank: int | None
    """Null of what a correction gives to somebody without an award."""
    amount: int
    currency: str
    status: PayoutStatus | None
    """Null until the competition's prizes are distributed."""
    rail: RailName | None
    paid_at: UtcTime | None
    hold_reason: HoldReason | None
    failure: FailureAnswer | None

    @classmethod
    def of(cls, prize: Prize) -> Self:
        """Render a prize and what became of it."""
        payout = prize.payout
        won = {name: getattr(prize, name) for name in AWARDED}
        became = {name: getattr(payout, name, None) for name in BECAME}
        failure = FailureAnswer.of(payout)
        return cls.model_validate({**won, **became, "failure": failure})
