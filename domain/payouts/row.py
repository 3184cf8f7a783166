"""A payout's row as it stands, and as a step leaves it."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain.payouts.states import Action, after
from models.payout import HoldReason, PayoutStatus
from models.rail import RailName

CLOCK = "clock"
RAIL = "rail"
OPERATOR = "operator"
"""Who takes a step, besides the callers of the API."""

SPENDING = {Action.REFUSE, Action.SUSPEND, Action.RETURN, Action.DENY}
"""After these the present key never moves anything again, so the next call needs another one."""
FAILING = {Action.POSTPONE, Action.REFUSE, Action.SUSPEND, Action.LOSE, Action.RETURN}
TELLING = {Action.ACCEPT, Action.SETTLE}
ENDING = {Action.FORFEIT, Action.WITHDRAW}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of `payout`, whose columns `models/payout.py` explains. No step sets the first five."""

    id: uuid.UUID
    competition_id: uuid.UUID
    person_id: int
    amount: int
    currency: str
    status: PayoutStatus
    due_at: datetime
    attempts: int
    rail: RailName | None
    destination: str | None
    reference: str | None
    steps: int
    unsure_since: datetime | None
    lease_token: uuid.UUID | None
    lease_until: datetime | None
    hold_reason: HoldReason | None
    held_at: datetime | None
    cleared_at: datetime | None
    forfeited_at: datetime | None
    reminded_at: datetime | None
    failure_code: str | None
    failure_detail: str | None
    sent_at: datetime | None
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class Lease:
    """Who calls the rail, and until when nobody else touches the payout."""

    token: uuid.UUID
    until: datetime


@dataclass(frozen=True, slots=True)
class Target:
    """Where a payout is sent."""

    rail: RailName
    destination: str


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done to a payout, and what comes with it."""

    payout_id: uuid.UUID
    action: Action
    actor: str
    code: str | None = None
    detail: str | None = None
    due_at: datetime | None = None
    """When to look at it next; at once if not given."""
    target: Target | None = None
    """Of a claim."""
    lease: Lease | None = None
    """Of a claim or a resend."""
    reference: str | None = None
    """The rail's, of what it tells."""
    hold_reason: HoldReason | None = None
    if_lease: uuid.UUID | None = None
    """It is taken only while this lease is held: somebody else may know better by now."""
    if_attempt: int | None = None
    """It is taken only while this is the present key: it is about no other."""
    if_steps: int | None = None
    """It is taken only while so many were: nothing has been done meanwhile."""


def moved(row: Row, step: Step, now: datetime) -> Row | None:
    """Return the row after a step, or None if the step is refused."""
    if step.if_lease not in (None, row.lease_token):
        return None
    if step.if_attempt not in (None, row.attempts) or step.if_steps not in (None, row.steps):
        return None
    unsure, forfeited = row.unsure_since is not None, row.forfeited_at is not None
    led = after(row.status, step.action, unsure=unsure, forfeited=forfeited)
    if led is None:
        return None
    return replace(
        row,
        status=led,
        due_at=step.due_at or now,
        steps=row.steps + 1,
        lease_token=None if step.lease is None else step.lease.token,
        lease_until=None if step.lease is None else step.lease.until,
        paid_at=now if led is PayoutStatus.PAID else None,
        forfeited_at=now if step.action in ENDING else None,
        **_key(row, step, now),
        **_doubt(row, step, led, now),
        **_wait(row, step, led, now),
        **_failure(step),
    )


def _key(row: Row, step: Step, now: datetime) -> dict[str, Any]:
    """Return what changes about the key and the call that bears it."""
    if step.target is not None:
        return {
            "attempts": max(row.attempts, 1),
            "rail": step.target.rail,
            "destination": step.target.destination,
            "reference": None,
            "sent_at": now,
        }
    if step.action in SPENDING:
        return {"attempts": row.attempts + 1}
    if step.action is Action.LOWER and row.attempts:
        # The rail may have seen the present key with another amount.
        return {"attempts": row.attempts + 1}
    if step.action in TELLING:
        return {"reference": step.reference or row.reference}
    return {}


def _doubt(row: Row, step: Step, led: PayoutStatus, now: datetime) -> dict[str, Any]:
    if led is PayoutStatus.UNKNOWN:
        return {"unsure_since": row.unsure_since or now}
    return {"unsure_since": row.unsure_since if step.action is Action.RESEND else None}


def _wait(row: Row, step: Step, led: PayoutStatus, now: datetime) -> dict[str, Any]:
    released = step.action is Action.RELEASE and step.actor != CLOCK
    cleared_at = now if released else row.cleared_at
    if led is PayoutStatus.HELD:
        reason = step.hold_reason or row.hold_reason
        return {"hold_reason": reason, "held_at": row.held_at or now, "cleared_at": cleared_at}
    return {"hold_reason": None, "held_at": None, "reminded_at": None, "cleared_at": cleared_at}


def _failure(step: Step) -> dict[str, Any]:
    if step.action in FAILING:
        return {"failure_code": step.code, "failure_detail": step.detail}
    if step.action in {Action.CLAIM, Action.RESEND, Action.HOLD, Action.LOWER, *ENDING}:
        return {}
    return {"failure_code": None, "failure_detail": None}
