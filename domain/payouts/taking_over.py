"""Payouts that their rail has carried and of which we do not know: what a restore has forgotten.

The rail's own list is believed. Nothing may leave meanwhile, so this asks for the gate to be shut.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.errors import Conflict
from domain.ids import new_id
from domain.payouts import gate
from domain.payouts.claims import LEASE
from domain.payouts.rails.base import Listed
from domain.payouts.row import OPERATOR, Lease, Row, Step, Target
from domain.payouts.states import Action
from domain.payouts.steps import lock, take
from models.payout import PayoutStatus
from models.rail import RailName

WAITING = {PayoutStatus.HELD, PayoutStatus.FAILED, PayoutStatus.RETURNED}
WITHOUT_TRANSFER = WAITING | {PayoutStatus.PENDING, PayoutStatus.UNKNOWN}
DETAIL = "The rail's list shows that it has carried this."

_SENT_AT = text(
    """
    UPDATE payout p SET sent_at = one.made_at
    FROM unnest(CAST(:ids AS uuid[]), CAST(:times AS timestamptz[])) AS one(id, made_at)
    WHERE p.id = one.id
    """
)


def take_over(
    session: Session, rail: RailName, lines: Sequence[Listed], now: datetime
) -> list[uuid.UUID]:
    """Note as paid what a rail's list shows and we have not sent or do not know the outcome of.

    Raises Conflict (`payouts_not_stopped`).
    """
    if gate.enter(session).stopped_at is None:
        raise Conflict("Stop payouts first.", code="payouts_not_stopped")
    rows = lock(session, {one.payout for one in lines if one.payout is not None})
    carried: dict[uuid.UUID, Listed] = {}
    for line in lines:
        if line.payout is not None and _is_lacking(rows.get(line.payout), line):
            carried.setdefault(line.payout, line)
    waiting = [one for one in carried if rows[one].status in WAITING]
    take(session, [_step(one, Action.RELEASE) for one in waiting], now)
    unsent = [one for one in carried if rows[one].status is not PayoutStatus.UNKNOWN]
    take(session, [_claim(one, rail, carried[one], now) for one in unsent], now)
    taken = take(session, [_settle(one, carried[one]) for one in carried], now)
    _note_times(session, carried, unsent)
    return [one.after.id for one in taken]


def _is_lacking(row: Row | None, line: Listed) -> bool:
    """Say whether a payout lacks just such a transfer."""
    if row is None or row.status not in WITHOUT_TRANSFER or row.forfeited_at is not None:
        return False
    same = (row.amount, row.currency) == (line.amount, line.currency)
    return same and not line.returned and row.reference != line.reference


def _step(payout_id: uuid.UUID, action: Action) -> Step:
    return Step(payout_id, action, OPERATOR, detail=DETAIL)


def _claim(payout_id: uuid.UUID, rail: RailName, line: Listed, now: datetime) -> Step:
    target, lease = Target(rail, line.destination), Lease(new_id(), now + LEASE)
    return Step(payout_id, Action.CLAIM, OPERATOR, detail=DETAIL, target=target, lease=lease)


def _settle(payout_id: uuid.UUID, line: Listed) -> Step:
    reference = line.reference
    return Step(payout_id, Action.SETTLE, OPERATOR, detail=DETAIL, reference=reference)


def _note_times(
    session: Session, carried: Mapping[uuid.UUID, Listed], unsent: Sequence[uuid.UUID]
) -> None:
    """It was sent when the rail says, under which day it is compared."""
    times = [carried[one].made_at for one in unsent]
    session.execute(_SENT_AT, {"ids": list(unsent), "times": times})
