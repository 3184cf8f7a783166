"""Where people's prizes go."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.errors import Conflict, NotFound
from domain.locks import lock_account
from domain.payouts.held import look_soon
from models.payout import HoldReason, Payout, PayoutAccount, PayoutStatus
from models.rail import RailName

HEARD_FOR = timedelta(hours=1)
"""Rails tell by themselves; after this their word may have been lost."""


@dataclass(frozen=True)
class Choice:
    """An account on a rail, as it was when the rail was asked."""

    rail: RailName
    account: str
    ready: bool
    checked_at: datetime | None


def find_account(session: Session, person_id: int) -> PayoutAccount | None:
    """Return where someone's prizes go, or None if they have not said."""
    return session.get(PayoutAccount, person_id)


def account_of(session: Session, person_id: int) -> PayoutAccount:
    """Return where someone's prizes go. Raises NotFound (`payout_account_not_found`)."""
    found = find_account(session, person_id)
    if found is None:
        raise NotFound("You have not said where prizes go.", code="payout_account_not_found")
    return found


def choose(session: Session, person_id: int, choice: Choice, now: datetime) -> PayoutAccount:
    """Let someone's prizes go there from now on; what is under way goes where it was sent.

    What waited for an account is looked at again. Raises Conflict (`payout_account_taken`) when
    the account is another person's.
    """
    lock_account(session, person_id)
    values = {
        "rail": choice.rail,
        "account": choice.account,
        "ready": choice.ready,
        "checked_at": choice.checked_at,
        "updated_at": now,
    }
    statement = (
        insert(PayoutAccount)
        .values(person_id=person_id, **values)
        .on_conflict_do_update(index_elements=[PayoutAccount.person_id], set_=values)
        .returning(PayoutAccount)
    )
    try:
        made = session.scalars(statement, execution_options={"populate_existing": True}).one()
    except IntegrityError as error:
        raise taken() from error
    look_soon(session, person_id, now)
    return made


def hear(
    session: Session, rail: RailName, account: str, *, ready: bool, asked_at: datetime
) -> int | None:
    """Note what a rail says of an account; return whose it is.

    What was asked before something that is known already changes nothing.
    """
    return session.scalar(
        update(PayoutAccount)
        .where(
            PayoutAccount.rail == rail,
            PayoutAccount.account == account,
            PayoutAccount.checked_at.is_(None) | (PayoutAccount.checked_at < asked_at),
        )
        .values(ready=ready, checked_at=asked_at)
        .returning(PayoutAccount.person_id)
    )


def unheard(session: Session, rail: RailName, limit: int, now: datetime) -> list[str]:
    """Return accounts that payouts wait for, and of which the rail has not told for an hour."""
    waits = select(Payout.id).where(
        Payout.person_id == PayoutAccount.person_id,
        Payout.status == PayoutStatus.HELD,
        Payout.hold_reason == HoldReason.ACCOUNT_NOT_READY,
    )
    found = (
        select(PayoutAccount.account)
        .where(
            PayoutAccount.rail == rail,
            PayoutAccount.ready.is_(False),
            PayoutAccount.checked_at.is_(None) | (PayoutAccount.checked_at <= now - HEARD_FOR),
            waits.exists(),
        )
        .order_by(PayoutAccount.checked_at.nulls_first())
        .limit(limit)
    )
    return list(session.scalars(found))


def taken() -> Conflict:
    """Return the refusal of an account that belongs to another person."""
    return Conflict("This account is another person's.", code="payout_account_taken")
