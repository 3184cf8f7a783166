"""What somebody sees of a public competition who shows no credential."""

import uuid
from typing import Self

from domain.payouts.distributing import Distributed
from domain.payouts.listing import Line
from models import Competition, PrizePlan
from models.competition import CompetitionStatus
from models.payout import PayoutStatus
from models.slots import Metric
from web.schemas.fields import Answer, UtcTime
from web.schemas.prize_plans import PrizeAnswer
from web.schemas.prizes import DistributionStatus


class WinnerAnswer(Answer):
    """Somebody's prize, in minor units of its currency."""

    rank: int | None
    display_name: str
    amount: int
    currency: str
    status: PayoutStatus

    @classmethod
    def of(cls, line: Line) -> Self:
        """Render a payout."""
        payout, rank, _, display_name = line
        return cls(
            rank=rank,
            display_name=display_name,
            amount=payout.amount,
            currency=payout.currency,
            status=payout.status,
        )


class WinnersAnswer(Answer):
    """The best ones' prizes on their way, and how many of all are in each status."""

    status: DistributionStatus
    payouts: int
    counts: dict[PayoutStatus, int]
    items: list[WinnerAnswer]


class SpectatedAnswer(Answer):
    """A public competition."""

    id: uuid.UUID
    name: str
    description: str | None
    metric: Metric
    starts_at: UtcTime
    ends_at: UtcTime
    timezone: str
    status: CompetitionStatus
    participant_count: int
    prize: PrizeAnswer | None
    winners: WinnersAnswer | None
    """Null until prizes are distributed."""

    @classmethod
    def of(
        cls,
        row: Competition,
        plan: PrizePlan | None,
        distributed: Distributed | None,
        best: list[Line],
    ) -> Self:
        """Render what is known of it."""
        computed = {
            "prize": None if plan is None else PrizeAnswer.of(plan),
            "winners": None if distributed is None else _winners(distributed, best),
        }
        plain = {name: getattr(row, name) for name in cls.model_fields if name not in computed}
        return cls.model_validate({**plain, **computed}, from_attributes=True)


def _winners(distributed: Distributed, best: list[Line]) -> WinnersAnswer:
    return WinnersAnswer(
        status=DistributionStatus(distributed.state),
        payouts=distributed.awards,
        counts=distributed.counts,
        items=[WinnerAnswer.of(one) for one in best],
    )
