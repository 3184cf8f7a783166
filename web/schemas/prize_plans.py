"""Prizes that competitions promise, and the money in their pools."""

import uuid
from typing import Annotated, Literal, Self

from pydantic import Field

from domain.prizes.funding import Funded
from domain.prizes.split import Plan
from models import PrizePlan
from models.prize import SplitKind
from web.schemas.fields import Answer, Body

MOST_PLACES = 1000
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["EUR"])]
"""ISO 4217."""
Minor = Annotated[int, Field(ge=1, le=10**12)]
"""Minor units of the currency."""


class PercentSplit(Body):
    """Each place gets its share of the pool, in percent. Shares never rise."""

    kind: Literal["percent"]
    places: Annotated[
        list[Annotated[int, Field(ge=1, le=100)]], Field(min_length=1, max_length=100)
    ]


class FixedSplit(Body):
    """Each place gets its amount, in minor units. Amounts never rise."""

    kind: Literal["fixed"]
    places: Annotated[list[Minor], Field(min_length=1, max_length=MOST_PLACES)]


class EqualSplit(Body):
    """Everyone with at least `min_score`, and more than 0, gets the same."""

    kind: Literal["equal"]


Split = Annotated[PercentSplit | FixedSplit | EqualSplit, Field(discriminator="kind")]


class PrizeBody(Body):
    """What is promised. It has to be funded before the start, else the competition is cancelled."""

    currency: Currency
    pool: Minor
    split: Split
    auto_distribute: bool
    """Whether prizes are paid without anyone asking once the competition is final."""

    def decided(self) -> Plan:
        """Return it as the domain takes it."""
        split = self.split
        places = None if isinstance(split, EqualSplit) else tuple(split.places)
        kind = SplitKind(split.kind)
        return Plan(self.currency, self.pool, kind, places, self.auto_distribute)


class PrizeAnswer(Answer):
    """What is promised."""

    currency: str
    pool: int
    split: Split
    auto_distribute: bool

    @classmethod
    def of(cls, row: PrizePlan | Plan) -> Self:
        """Render a plan."""
        places = {} if row.places is None else {"places": list(row.places)}
        values = {"currency": row.currency, "pool": row.pool}
        split = {"kind": row.split.value, **places}
        return cls.model_validate(
            {**values, "split": split, "auto_distribute": row.auto_distribute}
        )


class FundBody(Body):
    """Money for a pool."""

    amount: Minor
    currency: Currency


class PoolAnswer(Answer):
    """A pool and what lies in it, in minor units."""

    competition_id: uuid.UUID
    currency: str
    pool: int
    """What is promised."""
    held: int
    missing: int
    funded: bool

    @classmethod
    def of(cls, funded: Funded) -> Self:
        """Render a pool."""
        plan, held = funded.plan, funded.held
        return cls(
            competition_id=plan.competition_id,
            currency=plan.currency,
            pool=plan.pool,
            held=held,
            missing=plan.pool - held,
            funded=plan.funded_at is not None,
        )
