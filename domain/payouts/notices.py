"""What a rail tells unasked: late, twice, and in any order.

A notice says how an order stands, not what happened to it, so it leads the payout there from
wherever it is, or nowhere if the payout is there already.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from domain.payouts.claims import key_of
from domain.payouts.outcomes import returned
from domain.payouts.rails.base import Sent
from domain.payouts.row import RAIL, Row, Step
from domain.payouts.states import Action
from domain.payouts.steps import Taken, lock, take
from models.payout import PayoutStatus

UNDER_WAY = {PayoutStatus.SENDING, PayoutStatus.UNKNOWN}
TAKEN_OVER = {PayoutStatus.ACCEPTED, PayoutStatus.PAID}


@dataclass(frozen=True, slots=True)
class Notice:
    """How an order stands at its rail."""

    key: str
    """Under which it was sent."""
    said: Sent


def hear(session: Session, notices: Mapping[uuid.UUID, Notice], now: datetime) -> list[Taken]:
    """Lead payouts to where their rail says that they are; return the steps that it took."""
    rows = lock(session, notices.keys())
    arrived = [step for row in rows.values() if (step := _arrival(row, notices[row.id]))]
    taken = take(session, arrived, now)
    rows |= {one.after.id: one.after for one in taken}
    back = [step for row in rows.values() if (step := _return(row, notices[row.id]))]
    return [*taken, *take(session, back, now)]


def _arrival(row: Row, notice: Notice) -> Step | None:
    said = notice.said
    here = row.status in UNDER_WAY and key_of(row) == notice.key
    settles = (
        row.status is PayoutStatus.ACCEPTED and said.settled and row.reference == said.reference
    )
    if not (here or settles):
        return None
    action = Action.SETTLE if said.settled else Action.ACCEPT
    return Step(row.id, action, RAIL, reference=said.reference)


def _return(row: Row, notice: Notice) -> Step | None:
    same = row.status in TAKEN_OVER and row.reference == notice.said.reference
    if same and notice.said.returned >= row.amount:
        return returned(row.id, row.attempts)
    return None
