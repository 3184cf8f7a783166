"""Payouts of which nobody knows what became: the rail is asked by our reference.

If it has the order, that is the answer. If it has not, the order is sent once more under the same
key, as long as the rail surely remembers that key; later only a person may say what happened.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.errors import Conflict
from domain.payouts import gate
from domain.payouts.claims import LEASE, Claim, claim_of
from domain.payouts.outcomes import ASK_AFTER
from domain.payouts.rails.base import OUR_LISTS, NotThere, Rail, Sent, may_resend
from domain.payouts.row import CLOCK, Lease, Row, Step
from domain.payouts.states import Action
from domain.payouts.steps import lock, take
from models.payout import PayoutStatus
from models.rail import RailName

SHORTEST = timedelta(seconds=30)
LONGEST = timedelta(hours=1)
"""Between two questions about one payout."""

# Whoever asks puts the next question off, so that nobody else asks meanwhile.
_DUE = text(
    """
    WITH due AS (
        SELECT id FROM payout
        WHERE status = 'unknown' AND due_at <= :now AND rail = ANY(:rails)
        ORDER BY due_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE payout p
    SET due_at = :now + LEAST(GREATEST((:now - p.unsure_since) / 2, :shortest), :longest)
    FROM due WHERE p.id = due.id RETURNING p.id
    """
)
_LAST_STEP = text(
    "SELECT happened_at FROM payout_step WHERE payout_id = :payout_id AND number = :number"
)
_ANY_DUE = text("SELECT EXISTS (SELECT FROM payout WHERE status = 'unknown' AND due_at <= :now)")


@dataclass(frozen=True)
class Heard:
    """What a rail said when it was asked. An exception says nothing."""

    claim: Claim
    said: Sent | NotThere | Exception


def claim_questions(
    session: Session, rails: Collection[RailName], limit: int, now: datetime
) -> list[Claim]:
    """Take at most `limit` unknown payouts that are due to be asked about."""
    values = {"shortest": SHORTEST, "longest": LONGEST, "rails": list(rails)}
    ids = session.scalars(_DUE, {**values, "now": now, "limit": limit}).all()
    return [claim_of(row) for row in lock(session, ids).values()]


def question(session: Session, row: Row, now: datetime) -> Claim | None:
    """Return what to ask another's list about one payout before it is denied, if it is unknown.

    What was just sent may not be listed yet. Raises Conflict (`rail_asked_too_soon`).
    """
    if row.status is not PayoutStatus.UNKNOWN or row.rail in OUR_LISTS:
        return None
    # When its last call ended: nothing else leads into this status.
    ended_at: datetime = session.scalars(
        _LAST_STEP, {"payout_id": row.id, "number": row.steps}
    ).one()
    if now < ended_at + ASK_AFTER:
        raise Conflict(
            f"It was sent just now. Try again {ASK_AFTER.seconds} seconds later.",
            code="rail_asked_too_soon",
        )
    return claim_of(row)


def resend(
    session: Session, heard: Iterable[Heard], rails: Mapping[RailName, Rail], now: datetime
) -> list[Claim]:
    """Take those that the rail does not have for another call under their keys. Commit first."""
    missing = [one.claim for one in heard if isinstance(one.said, NotThere)]
    again = [one for one in missing if may_resend(rails[one.rail].window, one.sent_at, now)]
    if not again or gate.enter(session).stopped_at is not None:
        return []
    lease = Lease(uuid4(), now + LEASE)
    steps = [
        Step(one.order.payout, Action.RESEND, CLOCK, lease=lease, if_attempt=one.attempt)
        for one in again
    ]
    taken = take(session, steps, now)
    return [claim_of(one.after) for one in taken]


def left_to_people(
    heard: Iterable[Heard], rails: Mapping[RailName, Rail], now: datetime
) -> list[Claim]:
    """Return those that the rail does not have and that may not be sent again."""
    return [
        one.claim
        for one in heard
        if isinstance(one.said, NotThere)
        and not may_resend(rails[one.claim.rail].window, one.claim.sent_at, now)
    ]


def any_due(session: Session, now: datetime) -> bool:
    """Say whether somebody should ask."""
    return bool(session.scalar(_ANY_DUE, {"now": now}))
