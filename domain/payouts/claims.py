"""Claims: due payouts taken under a lease, their key and amount committed before a rail is called.

A worker that is lost leaves its claims in `sending` until the lease ends. Then nobody can say what
its calls came to, so they become `unknown` and are asked about.
"""

import re
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.ledger.accounts import Account
from domain.payouts import gate, obstacles, owed
from domain.payouts.gate import Wish
from domain.payouts.obstacles import Way
from domain.payouts.rails.base import Order
from domain.payouts.row import CLOCK, Lease, Row, Step
from domain.payouts.states import Action
from domain.payouts.steps import take
from models.payout import HoldReason
from models.rail import RailName

LEASE = timedelta(minutes=3)
"""Longer than a batch's calls and their writing down take; see `tasks/calling.py`."""

_KEY = re.compile(r"payout:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):[0-9]+")

_DUE = text(
    """
    SELECT id, person_id, amount, currency FROM payout
    WHERE status = 'pending' AND due_at <= :now
    ORDER BY due_at, id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
    """
)
_LOST = text(
    """
    SELECT id FROM payout WHERE status = 'sending' AND lease_until <= :now
    ORDER BY lease_until LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
    """
)
_PUT_OFF = text("UPDATE payout SET due_at = :until WHERE id = ANY(:ids)")
_ANY_DUE = text(
    """
    SELECT EXISTS (SELECT FROM payout WHERE status = 'pending' AND due_at <= :now)
       AND NOT EXISTS (SELECT FROM payout_gate WHERE stopped_at IS NOT NULL)
    """
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A payout that this worker may call its rail about."""

    order: Order
    rail: RailName
    attempt: int
    lease: uuid.UUID | None
    """Of one that is sent; none of one that is only asked about."""
    sent_at: datetime
    """When the key was first sent."""
    unsure_since: datetime | None


@dataclass(frozen=True)
class Claimed:
    """What became of due payouts."""

    claims: list[Claim]
    held: int
    put_off: int
    """Over a limit."""
    overdrawing: list[uuid.UUID]
    """Of those that are held: their winners are owed less."""

    @property
    def any(self) -> bool:
        """Whether there was anything to do."""
        return bool(self.claims or self.held or self.put_off)


def claim(session: Session, rails: Collection[RailName], limit: int, now: datetime) -> Claimed:
    """Take at most `limit` due payouts, unless payouts are stopped. Commit before calling.

    Those with an obstacle are held, and those whose winners are owed less; those over a limit are
    put off; the others are `sending`.
    """
    if gate.enter(session).stopped_at is not None:
        return Claimed([], 0, 0, [])
    wishes = [Wish(*row) for row in session.execute(_DUE, {"now": now, "limit": limit})]
    if not wishes:
        return Claimed([], 0, 0, [])
    ways = obstacles.look(session, [one.payout_id for one in wishes], rails)
    free = [one for one in wishes if ways[one.payout_id].obstacle is None]
    short = owed.overdrawing(session, {one.payout_id: _wanted(one) for one in free})
    room = gate.room(session, [one for one in free if one.payout_id not in short], now)
    lease = Lease(uuid.uuid4(), now + LEASE)
    steps = [
        *(_sent(ways, one.payout_id, lease) for one in free if one.payout_id in room.fits),
        *(_held(ways, payout_id) for payout_id, way in ways.items() if way.obstacle is not None),
        *(_too_much(payout_id) for payout_id in room.never),
        *map(owed.hold, short),
    ]
    taken = take(session, steps, now)
    if room.waits:
        session.execute(_PUT_OFF, {"ids": list(room.waits), "until": gate.next_day(now)})
    claims = [claim_of(one.after) for one in taken if one.step.action is Action.CLAIM]
    return Claimed(claims, len(taken) - len(claims), len(room.waits), owed.held(taken))


def give_up_lost(session: Session, limit: int, now: datetime) -> int:
    """Let claims whose lease ran out become unknown; return how many there were."""
    lost = session.scalars(_LOST, {"now": now, "limit": limit})
    return len(take(session, list(map(_lost, lost)), now))


def any_due(session: Session, now: datetime) -> bool:
    """Say whether a payout could be claimed."""
    return bool(session.scalar(_ANY_DUE, {"now": now}))


def claim_of(row: Row) -> Claim:
    """Return the claim on a row that was sent somewhere."""
    if row.rail is None or row.destination is None or row.sent_at is None:
        raise ValueError(f"payout {row.id} was never sent")
    order = Order(
        payout=row.id,
        key=key_of(row),
        amount=row.amount,
        currency=row.currency,
        destination=row.destination,
        group=row.competition_id,
        # Of what never changes, for it is told again with each repetition of the key.
        description=f"Prize of competition {row.competition_id}",
    )
    return Claim(order, row.rail, row.attempts, row.lease_token, row.sent_at, row.unsure_since)


def key_of(row: Row) -> str:
    """Return the idempotency key under which a rail is told of a payout."""
    return f"payout:{row.id}:{row.attempts}"


def payout_of(key: str) -> uuid.UUID | None:
    """Return the payout of which a rail is told under a key, if it is such a key."""
    found = _KEY.fullmatch(key)
    return None if found is None else uuid.UUID(found[1])


def payouts_of(claims: Iterable[Claim]) -> list[uuid.UUID]:
    """Return what claims are about."""
    return [one.order.payout for one in claims]


def _wanted(wish: Wish) -> tuple[Account, int]:
    return Account.payable(wish.currency, wish.person_id), wish.amount


def _sent(ways: dict[uuid.UUID, Way], payout_id: uuid.UUID, lease: Lease) -> Step:
    return Step(payout_id, Action.CLAIM, CLOCK, target=ways[payout_id].target, lease=lease)


def _held(ways: dict[uuid.UUID, Way], payout_id: uuid.UUID) -> Step:
    return Step(payout_id, Action.HOLD, CLOCK, hold_reason=ways[payout_id].obstacle)


def _too_much(payout_id: uuid.UUID) -> Step:
    return Step(
        payout_id,
        Action.HOLD,
        CLOCK,
        code="over_limit",
        detail="It is more than may leave in a day.",
        hold_reason=HoldReason.OPERATOR,
    )


def _lost(payout_id: uuid.UUID) -> Step:
    detail = "The worker that called the rail was lost."
    return Step(payout_id, Action.LOSE, CLOCK, code="worker_lost", detail=detail)
