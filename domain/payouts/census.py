"""How many payouts are in each state, and how many pools, for those who watch over them."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.payout import PayoutStatus

_BY_STATUS = text("SELECT status, count(*) FROM payout GROUP BY status")
_UNSURE_SINCE = text("SELECT min(unsure_since) FROM payout WHERE status = 'unknown'")
_POOLS = text("""
    SELECT CASE WHEN settled_at IS NOT NULL THEN 'settled'
                WHEN funded_at IS NOT NULL THEN 'funded' ELSE 'unfunded' END AS state,
           currency, count(*), CAST(sum(pool) AS bigint)
    FROM prize_plan GROUP BY 1, 2
""")


class Pools(NamedTuple):
    """Of one state and currency."""

    state: str
    """`unfunded`, `funded`, or `settled`: shared out or given back."""
    currency: str
    number: int
    amount: int
    """Minor units that are promised."""


def payouts_by_status(session: Session) -> dict[PayoutStatus, int]:
    """Return every status, also those in which there are none."""
    found = {PayoutStatus(status): number for status, number in session.execute(_BY_STATUS)}
    return {status: found.get(status, 0) for status in PayoutStatus}


def unsure_since(session: Session) -> datetime | None:
    """Return since when nobody knows what became of some payout."""
    since: datetime | None = session.scalar(_UNSURE_SINCE)
    return since


def pools(session: Session) -> list[Pools]:
    """Return the pools of all prize plans."""
    return [Pools(*row) for row in session.execute(_POOLS)]
