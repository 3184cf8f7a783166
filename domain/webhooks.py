"""Vendors' messages: kept as they came, worked off from the table, each in the end once.

Whoever works some off holds no lock meanwhile, so a message may be worked off twice; what it leads
to must bear that.
"""

import enum
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.webhook import WebhookEvent

LEASE = timedelta(minutes=2)
"""How long nobody else takes up what somebody works off."""
LONGEST_PAUSE = timedelta(hours=1)
KEPT = timedelta(days=30)
"""Vendors send again for days; what comes after that is worked off once more, to no effect."""
ROUND = 5000
"""Rows that one clean-up deletes at most."""


class Vendor(enum.StrEnum):
    """Who sends."""

    STRIPE = "stripe"


class Message(NamedTuple):
    """A message to be worked off."""

    vendor: Vendor
    event_id: str
    kind: str
    body: bytes
    attempts: int
    """This one counted."""


_CLAIM = text(
    """
    WITH due AS (
        SELECT vendor, event_id FROM webhook_event
        WHERE processed_at IS NULL AND due_at <= :now
        ORDER BY due_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE webhook_event e
    SET attempts = LEAST(e.attempts + 1, 1000), due_at = :until
    FROM due WHERE e.vendor = due.vendor AND e.event_id = due.event_id
    RETURNING e.vendor, e.event_id, e.kind, e.body, e.attempts, e.received_at
    """
)
_FINISH = text(
    """
    UPDATE webhook_event e SET processed_at = :now, outcome = one.outcome,
        body = CASE WHEN :forget THEN ''::bytea ELSE body END
    FROM unnest(CAST(:vendors AS text[]), CAST(:ids AS text[]), CAST(:outcomes AS text[]))
        AS one(vendor, event_id, outcome)
    WHERE e.vendor = one.vendor AND e.event_id = one.event_id AND e.processed_at IS NULL
    """
)
_PUT_OFF = text(
    """
    UPDATE webhook_event SET due_at = :until, outcome = :why
    WHERE vendor = :vendor AND event_id = :event_id AND processed_at IS NULL
    """
)


def keep(
    session: Session, vendor: Vendor, event_id: str, kind: str, body: bytes, now: datetime
) -> bool:
    """Keep a message whose sender is proved; say whether it is new."""
    row = {"vendor": vendor, "event_id": event_id, "kind": kind, "body": body}
    wanted = insert(WebhookEvent).values(**row, received_at=now, due_at=now)
    made = wanted.on_conflict_do_nothing().returning(WebhookEvent.event_id)
    return session.scalar(made) is not None


def claim(session: Session, limit: int, now: datetime) -> list[Message]:
    """Take at most `limit` messages that are due, in the order in which they came."""
    found = session.execute(_CLAIM, {"now": now, "until": now + LEASE, "limit": limit}).all()
    in_order = sorted(found, key=lambda row: (row.received_at, row.event_id))
    return [Message(Vendor(row.vendor), *row[1:5]) for row in in_order]


def finish(
    session: Session, outcomes: Mapping[Message, str], now: datetime, *, forget: bool = False
) -> None:
    """Note what messages led to: they are worked off. With `forget` their bodies go."""
    values = {
        "vendors": [one.vendor for one in outcomes],
        "ids": [one.event_id for one in outcomes],
        "outcomes": list(outcomes.values()),
    }
    session.execute(_FINISH, {**values, "now": now, "forget": forget})


def put_off(session: Session, messages: Sequence[Message], why: str, now: datetime) -> None:
    """Let messages be due again, later each time."""
    for one in messages:
        until = now + min(timedelta(seconds=15) * 2 ** min(one.attempts, 10), LONGEST_PAUSE)
        key = {"vendor": one.vendor, "event_id": one.event_id}
        session.execute(_PUT_OFF, {**key, "until": until, "why": why})


def delete_old(session: Session, now: datetime) -> int:
    """Delete messages that were worked off long ago, some at a time; return how many."""
    old = (
        select(WebhookEvent.vendor, WebhookEvent.event_id)
        .where(WebhookEvent.received_at < now - KEPT, WebhookEvent.processed_at.is_not(None))
        .limit(ROUND)
        .cte("old")
    )
    gone = (
        delete(WebhookEvent)
        .where(WebhookEvent.vendor == old.c.vendor, WebhookEvent.event_id == old.c.event_id)
        .returning(WebhookEvent.event_id)
    )
    return len(session.scalars(gone).all())
