"""Payouts that wait: looked at now and then, reminded of, released, or given up.

What an operator holds only an operator releases. Everything else goes on by itself once nothing
stands in the way any more.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.payouts import obstacles, owed
from domain.payouts.obstacles import WINNERS, Way
from domain.payouts.row import CLOCK, Row, Step
from domain.payouts.states import Action
from domain.payouts.steps import account_of, lock, take
from models.payout import HoldReason
from models.rail import RailName

LOOK_EVERY = timedelta(minutes=15)
REMIND_EVERY = timedelta(days=7)
UNCLAIMED_AFTER = timedelta(days=180)
"""How long a prize waits for its winner's account before it goes back to the pool."""

_DUE = text(
    """
    SELECT id FROM payout
    WHERE status = 'held' AND due_at <= :now AND hold_reason <> 'operator'
    ORDER BY due_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
    """
)
_LOOK_NOW = text(
    """
    UPDATE payout SET due_at = :now
    WHERE person_id = :person_id AND status = 'held' AND due_at > :now
      AND hold_reason <> 'operator'
    """
)
_WAIT_ON = text(
    """
    UPDATE payout
    SET due_at = :until, reminded_at = CASE WHEN id = ANY(:reminded) THEN :now ELSE reminded_at END
    WHERE id = ANY(:ids)
    """
)


@dataclass(frozen=True)
class Looked:
    """What became of payouts that waited."""

    released: int
    forfeited: int
    reminded: list[Row]
    """Whose winners are to be told that they lack an account."""
    waiting: int
    overdrawing: list[uuid.UUID]
    """Not given back, since their winners are owed less."""

    @property
    def any(self) -> bool:
        """Whether there was anything to look at."""
        return bool(self.released or self.forfeited or self.waiting)


def look(session: Session, rails: Collection[RailName], limit: int, now: datetime) -> Looked:
    """Look at the held payouts that are due."""
    ids = session.scalars(_DUE, {"now": now, "limit": limit}).all()
    rows = lock(session, ids)
    ways = obstacles.look(session, ids, rails)
    taken = take(session, _steps(session, rows.values(), ways, now), now)
    # Also those that now wait for something else.
    waiting = [row for row in rows.values() if _waits_on(row, ways[row.id], now)]
    reminded = [row for row in waiting if _is_forgotten(row, ways[row.id], now)]
    values = {"ids": [one.id for one in waiting], "reminded": [one.id for one in reminded]}
    session.execute(_WAIT_ON, {**values, "until": now + LOOK_EVERY, "now": now})
    done = [one.step.action for one in taken]
    return Looked(
        released=done.count(Action.RELEASE),
        forfeited=done.count(Action.FORFEIT),
        reminded=reminded,
        waiting=len(waiting),
        overdrawing=owed.held(taken),
    )


def look_soon(session: Session, person_id: int, now: datetime) -> None:
    """Let someone's held payouts be looked at: their account has changed."""
    session.execute(_LOOK_NOW, {"person_id": person_id, "now": now})


def _steps(
    session: Session, rows: Collection[Row], ways: Mapping[uuid.UUID, Way], now: datetime
) -> list[Step]:
    steps = [step for row in rows if (step := _step(row, ways[row.id], now)) is not None]
    given_up = {one.payout_id for one in steps if one.action is Action.FORFEIT}
    wanted = {row.id: (account_of(row), row.amount) for row in rows if row.id in given_up}
    short = owed.overdrawing(session, wanted)
    return [owed.hold(one.payout_id) if one.payout_id in short else one for one in steps]


def _step(row: Row, way: Way, now: datetime) -> Step | None:
    if way.obstacle is None:
        return Step(row.id, Action.RELEASE, CLOCK)
    if _is_given_up(row, way.obstacle, now):
        detail = f"Nobody came for it in {UNCLAIMED_AFTER.days} days."
        return Step(row.id, Action.FORFEIT, CLOCK, code="unclaimed", detail=detail)
    if way.obstacle is not row.hold_reason:
        return Step(row.id, Action.HOLD, CLOCK, hold_reason=way.obstacle)
    return None


def _waits_on(row: Row, way: Way, now: datetime) -> bool:
    return way.obstacle is not None and not _is_given_up(row, way.obstacle, now)


def _is_given_up(row: Row, obstacle: HoldReason, now: datetime) -> bool:
    """Say whether a winner was reminded in vain for long enough."""
    if row.held_at is None or row.reminded_at is None or obstacle not in WINNERS:
        return False
    return obstacle is row.hold_reason and now - row.held_at >= UNCLAIMED_AFTER


def _is_forgotten(row: Row, way: Way, now: datetime) -> bool:
    told = row.reminded_at
    return way.obstacle in WINNERS and (told is None or now - told >= REMIND_EVERY)
