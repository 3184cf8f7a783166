"""The gate before the rails: the stop switch and the limits, which hold at once.

Every claim locks its one row before it looks, and whoever changes the switch or a limit locks it
too: what was claimed before is on its way, and nothing is claimed after it against the new word.
"""

import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models import PayoutGate, PayoutLimit
from models.rail import RailName

_OUT = text(
    """
    SELECT currency, person_id, sum(amount)::bigint AS amount FROM payout
    WHERE rail = ANY(:rails) AND sent_at >= :since AND currency = ANY(:currencies)
      AND status IN ('sending', 'unknown', 'accepted', 'paid')
    GROUP BY currency, person_id
    """
)
_DUE_NOW = text(
    "UPDATE payout SET due_at = :now"
    " WHERE status = 'pending' AND currency = :currency AND due_at > :now"
)


@dataclass(frozen=True, slots=True)
class Wish:
    """A payout that might be sent."""

    payout_id: uuid.UUID
    person_id: int
    amount: int
    currency: str


@dataclass(frozen=True)
class Room:
    """What becomes of wishes."""

    fits: set[uuid.UUID]
    waits: set[uuid.UUID]
    """Too much for this day."""
    never: set[uuid.UUID]
    """Too much for any day."""


def enter(session: Session) -> PayoutGate:
    """Lock the gate until the transaction ends, and return it as it stands."""
    session.execute(insert(PayoutGate).values(id=1).on_conflict_do_nothing())
    held = select(PayoutGate).with_for_update().execution_options(populate_existing=True)
    return session.scalars(held).one()


def stop(session: Session, why: str, now: datetime) -> None:
    """Let nothing out any more. What is on its way already goes on."""
    gate = enter(session)
    gate.stopped_at, gate.stopped_why = gate.stopped_at or now, why


def resume(session: Session) -> None:
    """Let payouts out again."""
    gate = enter(session)
    gate.stopped_at = gate.stopped_why = None


def limit(
    session: Session, currency: str, per_day: int | None, per_person_day: int | None, now: datetime
) -> None:
    """Set a currency's limits, in minor units for a UTC day; None is no limit.

    What waited for the next day under the old ones is looked at again.
    """
    enter(session)
    values = {"per_day": per_day, "per_person_day": per_person_day}
    wanted = insert(PayoutLimit).values(currency=currency, **values)
    session.execute(wanted.on_conflict_do_update(index_elements=["currency"], set_=values))
    session.execute(_DUE_NOW, {"currency": currency, "now": now})


def limits(session: Session) -> list[PayoutLimit]:
    """Return the limits that there are, by currency."""
    return list(session.scalars(select(PayoutLimit).order_by(PayoutLimit.currency)))


def room(session: Session, wishes: Sequence[Wish], now: datetime) -> Room:
    """Say which wishes fit into what is left of the day, in their order. The gate is held."""
    asked = {one.currency for one in wishes}
    found = select(PayoutLimit).where(PayoutLimit.currency.in_(asked))
    by_currency = {one.currency: one for one in session.scalars(found)}
    out = _out(session, by_currency.keys(), now) if by_currency else Counter()
    became = Room(set(), set(), set())
    for wish in wishes:
        limit = by_currency.get(wish.currency)
        if limit is None or _fits(wish, limit, out):
            out[wish.currency, None] += wish.amount
            out[wish.currency, wish.person_id] += wish.amount
            became.fits.add(wish.payout_id)
        else:
            ever = _fits(wish, limit, Counter())
            (became.waits if ever else became.never).add(wish.payout_id)
    return became


def day_of(now: datetime) -> datetime:
    """Return the beginning of the UTC day."""
    return datetime.combine(now.astimezone(UTC).date(), time(), tzinfo=UTC)


def next_day(now: datetime) -> datetime:
    """Return the beginning of the next UTC day."""
    return day_of(now) + timedelta(days=1)


Out = Counter[tuple[str, int | None]]
"""What left, by currency and person; under None by all of them."""


def _out(session: Session, currencies: Collection[str], now: datetime) -> Out:
    """Sum up what left today and has not come back."""
    values = {"rails": list(RailName), "since": day_of(now), "currencies": list(currencies)}
    out: Out = Counter()
    for row in session.execute(_OUT, values):
        out[row.currency, None] += row.amount
        out[row.currency, row.person_id] += row.amount
    return out


def _fits(wish: Wish, limit: PayoutLimit, out: Out) -> bool:
    pairs = ((limit.per_day, None), (limit.per_person_day, wish.person_id))
    return all(
        most is None or out[wish.currency, whose] + wish.amount <= most for most, whose in pairs
    )
