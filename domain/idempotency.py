"""Idempotency keys: a caller that repeats a request gets the first answer, not a second effect.

A key is claimed in a unit of its own. The answer is written in the same transaction as the effect,
and only while the claim still holds, so a request that was taken for dead cannot act after all.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.errors import Conflict
from models import IdempotencyKey

HELD = timedelta(seconds=60)
"""A claim without an answer is taken for dead after this; above every limit of a request."""
KEPT = timedelta(hours=25)
"""An hour more than promised."""
ROUND = 5000
"""Rows that one clean-up deletes at most."""


class InFlight(Conflict):
    """The first request with this key still runs. `retry_after` is in seconds."""

    code = "idempotency_in_flight"
    retry_after = 1


@dataclass(frozen=True)
class Scope:
    """Whose key on which route."""

    caller: str
    route: str
    key: str


@dataclass(frozen=True)
class Claim:
    """The right to act for a key. `until` tells this claim from a later one."""

    scope: Scope
    until: datetime


@dataclass(frozen=True)
class Answer:
    """What was answered."""

    status: int
    headers: dict[str, Any]
    body: bytes


def claim(session: Session, scope: Scope, fingerprint: bytes, now: datetime) -> Claim | Answer:
    """Claim a key, or return the answer that was given under it.

    Raises InFlight, or Conflict (`idempotency_mismatch`) when it was used for another request.
    """
    until = now + HELD
    values = {"fingerprint": fingerprint, "created_at": now, "locked_until": until}
    taken = session.execute(
        insert(IdempotencyKey)
        .values(**vars(scope), **values)
        .on_conflict_do_update(
            index_elements=[IdempotencyKey.caller, IdempotencyKey.route, IdempotencyKey.key],
            set_=values,
            where=IdempotencyKey.status.is_(None) & (IdempotencyKey.locked_until <= now),
        )
        .returning(IdempotencyKey.locked_until)
    ).first()
    return Claim(scope, until) if taken else _answer(session, scope, fingerprint)


def _answer(session: Session, scope: Scope, fingerprint: bytes) -> Answer:
    row = session.scalar(select(IdempotencyKey).where(*_is(scope)))
    if row is not None and row.fingerprint != fingerprint:
        raise Conflict("This key was used for another request.", code="idempotency_mismatch")
    if row is None or row.status is None or row.body is None:
        raise InFlight("The first request with this key has not ended.")
    return Answer(row.status, row.headers or {}, row.body)


def keep(session: Session, held: Claim, answer: Answer) -> None:
    """Store the answer with its effect. Raises InFlight if another request took the key over."""
    stored = session.execute(
        update(IdempotencyKey)
        .where(*_held(held))
        .values(status=answer.status, headers=answer.headers, body=answer.body)
        .returning(IdempotencyKey.key)
    ).first()
    if stored is None:
        raise InFlight("This request took too long; another one has its key.")


def release(session: Session, held: Claim) -> None:
    """Give a key back unused. Does nothing once it has an answer."""
    session.execute(delete(IdempotencyKey).where(*_held(held)))


def delete_old(session: Session, now: datetime, limit: int = ROUND) -> int:
    """Forget at most `limit` keys that were kept long enough; return how many."""
    old = (
        select(IdempotencyKey.caller, IdempotencyKey.route, IdempotencyKey.key)
        .where(IdempotencyKey.created_at < now - KEPT)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("old")
    )
    gone = session.execute(
        delete(IdempotencyKey)
        .where(
            IdempotencyKey.caller == old.c.caller,
            IdempotencyKey.route == old.c.route,
            IdempotencyKey.key == old.c.key,
            or_(IdempotencyKey.status.is_not(None), IdempotencyKey.locked_until <= now),
        )
        .returning(IdempotencyKey.key)
    )
    return len(gone.all())


def _is(scope: Scope) -> tuple[Any, ...]:
    return (
        IdempotencyKey.caller == scope.caller,
        IdempotencyKey.route == scope.route,
        IdempotencyKey.key == scope.key,
    )


def _held(held: Claim) -> tuple[Any, ...]:
    return (
        *_is(held.scope),
        IdempotencyKey.status.is_(None),
        IdempotencyKey.locked_until == held.until,
    )
