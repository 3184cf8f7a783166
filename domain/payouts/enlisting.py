"""Payouts put on a list of ours: claimed and accepted at once, hundreds in a few statements.

Being on the list moves nothing outside, so nothing can be lost between the two steps. Payouts that
were never touched are all alike: `domain.payouts.row` says of one of them what becomes of it, and
that is written to all. Those of currencies with a limit are reckoned one by one, by
`domain.payouts.claims`, and so is whatever has an obstacle or a past.
"""

import uuid
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.ledger.sendings import Leg, post_legs
from domain.payouts import gate
from domain.payouts.obstacles import ways_of
from domain.payouts.row import CLOCK, RAIL, Lease, Row, Step, Target, moved
from domain.payouts.states import POSTINGS, Action
from domain.payouts.steps import BY_KEY, CHANGING, TYPES, Taken, account_of, attempt_of
from models.payout import PayoutStatus
from models.rail import RailName

OWN = frozenset({"destination", "reference"})
"""What is not the same for all that were enlisted together."""
ALIKE = [name for name in CHANGING if name not in OWN]
SET = ", ".join(f"{name} = CAST(:{name} AS {TYPES.get(name, 'timestamptz')})" for name in ALIKE)

# What is asked of a payout is asked of those that are due, so that these are where the planner
# begins. The reference is the key, as `domain.payouts.rails.manual` says.
_ENLIST = text(
    f"""
    WITH due AS (
        SELECT id, steps, currency FROM payout WHERE status = 'pending' AND due_at <= :now
        ORDER BY due_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
    ), fresh AS (
        SELECT id FROM due
        WHERE steps = 0 AND currency <> ALL (ARRAY(SELECT currency FROM payout_limit))
    ), way AS (
        {ways_of("fresh AS asked")}
    ), listed AS (
        UPDATE payout p SET destination = way.account,
            reference = 'payout:' || p.id || ':' || CAST(:attempts AS smallint), {SET}
        FROM way WHERE p.id = way.id AND way.reason IS NULL
        RETURNING p.id, p.currency
    )
    SELECT currency, count(*) AS number, CAST(array_agg(id) AS text) AS ids
    FROM listed GROUP BY currency
    """  # noqa: S608  our own text
)
_WRITE_DOWN = text(
    """
    INSERT INTO payout_step (payout_id, number, action, before, after, happened_at, attempt, actor)
    SELECT payout_id, number, action, before, after, :now, attempt, actor
    FROM unnest(CAST(:payouts AS uuid[])) AS payout_id
    CROSS JOIN unnest(CAST(:numbers AS integer[]), CAST(:actions AS text[]),
                      CAST(:before AS text[]), CAST(:after AS text[]),
                      CAST(:attempts AS integer[]), CAST(:actors AS text[]))
        AS one(number, action, before, after, attempt, actor)
    ORDER BY payout_id, number
    """
)


def enlist(session: Session, rail: RailName, limit: int, now: datetime) -> int:
    """Put due payouts of this rail on its list, unless payouts are stopped. Return how many.

    The first `limit` due ones of all rails are looked at; those that are not enlisted stay due.
    Raises PayableOverdrawn if a winner is owed less, which only `domain.payouts.claims` can tell
    from the others.
    """
    if gate.enter(session).stopped_at is not None:
        return 0
    steps = _steps(rail, now)
    became = asdict(steps[-1].after)
    values = {name: became[name] for name in ALIKE}
    asked = {**values, "rails": [rail], "now": now, "limit": limit}
    session.execute(BY_KEY)
    listed = session.execute(_ENLIST, asked).all()
    for currency, _, ids in listed:
        _write_down(session, ids, steps, now)
        post_legs(session, ids, [_leg(one, currency) for one in steps], now)
    return sum(row.number for row in listed)


def _steps(rail: RailName, now: datetime) -> list[Taken]:
    """Take both steps with a payout that was never touched."""
    row, taken = _untouched(now), []
    for step in (
        Step(row.id, Action.CLAIM, CLOCK, target=Target(rail, ""), lease=Lease(row.id, now)),
        Step(row.id, Action.ACCEPT, RAIL, reference=""),
    ):
        after = moved(row, step, now)
        if after is None:
            raise ValueError(f"a payout that is {row.status} takes no {step.action}")
        taken.append(Taken(step, row, after))
        row = after
    return taken


def _untouched(now: datetime) -> Row:
    """Return what a payout looks like before its first step."""
    nothing = dict.fromkeys(CHANGING)
    first = {"status": PayoutStatus.PENDING, "due_at": now, "attempts": 0, "steps": 0}
    return Row(uuid.UUID(int=0), uuid.UUID(int=0), 0, 0, "", **{**nothing, **first})  # type: ignore[arg-type]  # by name


def _write_down(session: Session, payout_ids: str, steps: list[Taken], now: datetime) -> None:
    columns = {
        "numbers": [one.after.steps for one in steps],
        "actions": [one.step.action for one in steps],
        "before": [one.before.status for one in steps],
        "after": [one.after.status for one in steps],
        "attempts": [attempt_of(one) for one in steps],
        "actors": [one.step.actor for one in steps],
    }
    session.execute(_WRITE_DOWN, {**columns, "payouts": payout_ids, "now": now})


def _leg(taken: Taken, currency: str) -> Leg:
    source, target = account_of(taken.before), account_of(taken.after)
    return Leg(
        POSTINGS[source.kind, target.kind],
        taken.after.steps,
        source._replace(currency=currency),
        target._replace(currency=currency),
    )
