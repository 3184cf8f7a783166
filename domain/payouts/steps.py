"""The one path on which a payout's status changes: guarded, written down, and posted.

In one transaction: the row as `domain.payouts.row` leaves it, a payout_step with its number, and,
where the money lies elsewhere afterwards, the ledger's posting under that same number.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.errors import Conflict, NotFound
from domain.ledger.accounts import Account
from domain.ledger.keys import step_key
from domain.ledger.posting import Movement, post, transfer
from domain.payouts.row import Row, Step, moved
from domain.payouts.states import POSTINGS, Action, lies_in
from models.ledger import AccountKind
from models.payout import HoldReason, PayoutStatus
from models.rail import RailName

COLUMNS = tuple(one.name for one in fields(Row))
FIXED = 5
"""So many columns at the front are set by no step."""
CHANGING = COLUMNS[FIXED:]
WRITTEN = ("id", *CHANGING)
TYPES = {
    "status": "text",
    "attempts": "smallint",
    "rail": "text",
    "destination": "text",
    "reference": "text",
    "steps": "integer",
    "lease_token": "uuid",
    "hold_reason": "text",
    "failure_code": "text",
    "failure_detail": "text",
}
"""SQL types of columns; all others are times."""

_LOCK = text(
    f"SELECT {', '.join(COLUMNS)} FROM payout WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE"  # noqa: S608  our own names
)
_UPDATE = text(
    f"UPDATE payout p SET {', '.join(f'{name} = n.{name}' for name in CHANGING)}"  # noqa: S608
    " FROM unnest(CAST(:id AS uuid[]), "
    + ", ".join(f"CAST(:{name} AS {TYPES.get(name, 'timestamptz')}[])" for name in CHANGING)
    + f") AS n(id, {', '.join(CHANGING)}) WHERE p.id = n.id"
)
_WRITE_DOWN = text(
    """
    INSERT INTO payout_step
        (payout_id, number, action, before, after, happened_at, attempt, actor, code, detail)
    SELECT payout_id, number, action, before, after, :now, attempt, actor, code, detail
    FROM unnest(CAST(:payouts AS uuid[]), CAST(:numbers AS integer[]), CAST(:actions AS text[]),
                CAST(:before AS text[]), CAST(:after AS text[]), CAST(:attempts AS integer[]),
                CAST(:actors AS text[]), CAST(:codes AS text[]), CAST(:details AS text[]))
        AS one(payout_id, number, action, before, after, attempt, actor, code, detail)
    """
)


BY_KEY = text(
    """
    SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
           set_config('enable_seqscan', 'off', true)
    """
)
"""For the rest of a transaction: a batch finds its rows by their keys and reads no whole table."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken, and the row on both sides of it."""

    step: Step
    before: Row
    after: Row


def lock(session: Session, payout_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Row]:
    """Lock payouts until the transaction ends, in order of their ids; return them."""
    found = session.execute(_LOCK, {"ids": list(payout_ids)})
    return {values[0]: _row(*values) for values in found}


def take(session: Session, steps: Sequence[Step], now: datetime) -> list[Taken]:
    """Take at most one step for each payout; return those that were allowed."""
    if not steps:
        return []
    rows = lock(session, [one.payout_id for one in steps])
    if len(rows) < len(steps):
        raise ValueError("two steps for one payout, or a step for none")
    taken = [
        Taken(step, row, after)
        for step in steps
        if (after := moved(row := rows[step.payout_id], step, now)) is not None
    ]
    if taken:
        _update(session, [one.after for one in taken])
        _write_down(session, taken, now)
        post(session, [one for step in taken if (one := _movement(step)) is not None], now)
    return taken


def take_one(session: Session, step: Step, now: datetime) -> Taken:
    """Take a step by name. Raises NotFound (`payout_not_found`), Conflict (`payout_not_so`)."""
    row = lock(session, [step.payout_id]).get(step.payout_id)
    if row is None:
        raise NotFound("There is no such payout.", code="payout_not_found")
    taken = take(session, [step], now)
    if not taken:
        state = "forfeited" if row.forfeited_at else row.status
        raise Conflict(f"It is {state}, so it takes no {step.action}.", code="payout_not_so")
    return taken[0]


def _row(*values: object) -> Row:
    row = dict(zip(COLUMNS, values, strict=True))
    row["status"] = PayoutStatus(str(row["status"]))
    if row["rail"] is not None:
        row["rail"] = RailName(str(row["rail"]))
    if row["hold_reason"] is not None:
        row["hold_reason"] = HoldReason(str(row["hold_reason"]))
    return Row(**row)  # type: ignore[arg-type]  # the columns are of these types


def _update(session: Session, rows: Sequence[Row]) -> None:
    columns = zip(*map(attrgetter(*WRITTEN), rows), strict=True)
    session.execute(_UPDATE, dict(zip(WRITTEN, map(list, columns), strict=True)))


def _write_down(session: Session, taken: Sequence[Taken], now: datetime) -> None:
    columns = {
        "payouts": [one.step.payout_id for one in taken],
        "numbers": [one.after.steps for one in taken],
        "actions": [one.step.action for one in taken],
        "before": [one.before.status for one in taken],
        "after": [one.after.status for one in taken],
        "attempts": [attempt_of(one) for one in taken],
        "actors": [one.step.actor for one in taken],
        "codes": [one.step.code for one in taken],
        "details": [one.step.detail for one in taken],
    }
    session.execute(_WRITE_DOWN, {**columns, "now": now})


def attempt_of(taken: Taken) -> int:
    """Return the number of the key that a step is about."""
    return (taken.after if taken.step.action is Action.CLAIM else taken.before).attempts


def _movement(taken: Taken) -> Movement | None:
    """Return what a step does to the ledger; an adjustment that takes all posts that itself."""
    if taken.step.action is Action.WITHDRAW:
        return None
    source = account_of(taken.before)
    target = account_of(taken.after)
    if source.kind is target.kind:
        return None
    return Movement(
        POSTINGS[source.kind, target.kind],
        step_key(taken.after.id, taken.after.steps),
        transfer(source, target, taken.after.amount),
        reason=taken.step.detail,
    )


def account_of(row: Row) -> Account:
    """Return where a payout's money lies."""
    match lies_in(row.status, forfeited=row.forfeited_at is not None):
        case AccountKind.POOL:
            return Account.pool(row.currency, row.competition_id)
        case AccountKind.PAYABLE:
            return Account.payable(row.currency, row.person_id)
        case AccountKind.CLEARING:
            return Account.clearing(row.currency, _rail(row))
        case _:
            return Account.paid(row.currency, _rail(row))


def _rail(row: Row) -> RailName:
    if row.rail is None:
        raise ValueError(f"payout {row.id} is {row.status} on no rail")
    return row.rail
