"""What a rail said, or did not say, as a step of the payout."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.errors import PodiumError, Refused, Throttled
from domain.payouts.claims import Claim
from domain.payouts.rails.base import AccountNotReady, AccountUnknown, NotExecuted, Sent
from domain.payouts.row import RAIL, Step
from domain.payouts.states import Action
from domain.payouts.steps import Taken, take
from models.payout import HoldReason

AGAIN_AFTER = timedelta(seconds=30)
"""How long a payout waits whose call surely moved nothing, unless the rail asks for more."""
ASK_AFTER = timedelta(seconds=15)
"""How long after a lost answer the rail is asked: what is under way may yet arrive."""

_NOT_READY = text(
    """
    UPDATE payout_account a SET ready = false, checked_at = :now
    FROM payout p
    WHERE p.id = ANY(:ids) AND a.person_id = p.person_id
      AND a.rail = p.rail AND a.account = p.destination AND a.ready
    """
)


@dataclass(frozen=True)
class Answer:
    """What came of a call."""

    claim: Claim
    said: Sent | Exception


def record(session: Session, answers: Sequence[Answer], now: datetime) -> list[Taken]:
    """Write down what rails answered, with its postings. Return the steps that it came to.

    Good news counts whoever brings it, so long as it is about the present key. Everything else
    counts only while the lease is held: somebody may have asked the rail since, and know better.
    """
    taken = take(session, [step_of(one, now) for one in answers], now)
    suspended = [one.after.id for one in taken if one.step.action is Action.SUSPEND]
    if suspended:
        session.execute(_NOT_READY, {"ids": suspended, "now": now})
    said = {one.claim.order.payout: one.said for one in answers}
    return [*taken, *take(session, list(_returns(taken, said)), now)]


def step_of(answer: Answer, now: datetime) -> Step:
    """Return the step to which the end of a call leads."""
    claim, said = answer.claim, answer.said
    if isinstance(said, Sent):
        return told(claim, said)
    action = _action(said)
    return Step(
        claim.order.payout,
        action,
        RAIL,
        code=said.code if isinstance(said, PodiumError) else "internal_error",
        detail=said.detail if isinstance(said, PodiumError) else "A fault of ours.",
        due_at=now + _pause(action, said),
        hold_reason=HoldReason.ACCOUNT_NOT_READY if action is Action.SUSPEND else None,
        if_lease=claim.lease,
        if_attempt=claim.attempt,
    )


def told(claim: Claim, said: Sent) -> Step:
    """Return the step to which it leads that a rail has an order."""
    return Step(
        claim.order.payout,
        Action.SETTLE if said.settled else Action.ACCEPT,
        RAIL,
        reference=said.reference,
        if_attempt=claim.attempt,
    )


def _action(said: Exception) -> Action:
    match said:
        case NotExecuted() | Throttled():
            return Action.POSTPONE
        case AccountNotReady() | AccountUnknown():
            return Action.SUSPEND
        case Refused():
            return Action.REFUSE
    # Also what no rail should ever raise: who knows how far the call had come.
    return Action.LOSE


def _pause(action: Action, said: Exception) -> timedelta:
    if action is Action.LOSE:
        return ASK_AFTER
    asked = said.delay if isinstance(said, Throttled) else None
    return max(AGAIN_AFTER, timedelta(seconds=asked or 0))


def _returns(taken: Iterable[Taken], said: Mapping[Any, Sent | Exception]) -> Iterable[Step]:
    """Yield the steps of what has come back already."""
    for one in taken:
        answer = said[one.after.id]
        if isinstance(answer, Sent) and answer.returned >= one.after.amount:
            yield returned(one.after.id, one.after.attempts)


def returned(payout_id: Any, attempt: int) -> Step:
    """Return the step to which it leads that a rail gave all of an order back."""
    return Step(
        payout_id,
        Action.RETURN,
        RAIL,
        code="rail_returned",
        detail="The rail gave it back.",
        if_attempt=attempt,
    )
