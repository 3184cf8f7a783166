"""What Stripe tells unasked: whether it is Stripe, and what it is about.

Events come late, twice and in any order. One of a transfer shows how the transfer stood, which only
ever goes one way; one of an account says no more than that the account is to be looked at.
"""

import uuid
from dataclasses import dataclass

from stripe import Event, SignatureVerificationError, Transfer, Webhook, WebhookSignature

from domain.errors import PodiumError
from domain.payouts.notices import Notice
from domain.payouts.rails.stripe import KEY, PAYOUT, note_of, sent_of, uuid_of

TOLERANCE_SECONDS = 300
"""How old a signature may be: each delivery is signed anew, so somebody has kept an older one."""
TRANSFERS = {"transfer.created", "transfer.updated", "transfer.reversed"}
ACCOUNTS = {"account.updated", "account.application.deauthorized", "capability.updated"}


class SignatureInvalid(PodiumError):
    """Nobody who knows our secret has signed this just now."""

    code = "signature_invalid"


class EventUnreadable(PodiumError):
    """It is signed, but no event."""

    code = "event_unreadable"


@dataclass(frozen=True)
class OfTransfer:
    """How one of our transfers stood."""

    payout: uuid.UUID
    notice: Notice


@dataclass(frozen=True)
class OfAccount:
    """Something about a winner's account has changed."""

    account: str


def verify(body: bytes, signature: str, secrets: tuple[str, ...]) -> None:
    """Check the header `Stripe-Signature` of a body against each secret. Raises SignatureInvalid.

    Stripe has one secret for events of our own account and one for those of connected accounts.
    """
    # The library compares no other signs, and raises a TypeError (stripe 16.1.0).
    for secret in secrets if signature.isascii() else ():
        try:
            WebhookSignature.verify_header(body, signature, secret, TOLERANCE_SECONDS)
        except (SignatureVerificationError, UnicodeDecodeError):
            continue
        return
    raise SignatureInvalid("Stripe has not signed this just now.")


def name_of(body: bytes) -> tuple[str, str]:
    """Return an event's id and kind. Raises EventUnreadable."""
    event = _event(body)
    named = (getattr(event, "id", None), getattr(event, "type", None))
    if not all(isinstance(one, str) and one for one in named):
        raise EventUnreadable("This event has no id or no type.")
    return str(named[0]), str(named[1])


def read(kind: str, body: bytes) -> OfTransfer | OfAccount | None:
    """Return what an event is about; None if it is none of ours. Raises EventUnreadable."""
    if kind not in TRANSFERS | ACCOUNTS:
        return None
    event = _event(body)
    try:
        return _of_transfer(event) if kind in TRANSFERS else OfAccount(str(event.account))
    except (AttributeError, TypeError, ValueError) as error:
        raise EventUnreadable(f"This does not look like {kind}.") from error


def _event(body: bytes) -> Event:
    try:
        event: Event = Webhook.construct_event_without_verification(body)
    except (ValueError, TypeError, AttributeError) as error:
        raise EventUnreadable("This is no event of Stripe's.") from error
    return event


def _of_transfer(event: Event) -> OfTransfer | None:
    transfer = event.data.object
    if not isinstance(transfer, Transfer):
        raise TypeError("it shows no transfer")
    payout, key = uuid_of(note_of(transfer, PAYOUT)), note_of(transfer, KEY)
    if payout is None or key is None:
        return None
    return OfTransfer(payout, Notice(key, sent_of(transfer)))
