"""The Stripe rail: transfers from our balance to the winners' connected accounts.

A transfer is final when it is made: the winner has the money at Stripe, which pays it on to a bank.
It can be reversed later, whole or in part.
"""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import ceil

import stripe
from stripe import StripeClient, Transfer

from domain.errors import Refused
from domain.payouts.rails.base import Listed, NotThere, Order, Sent
from domain.payouts.rails.stripe_errors import of_asking, of_sending
from models.rail import RailName

PAGE = 100
PAYOUT, KEY = "payout", "key"
"""Names of our reference and of the key in a transfer's metadata."""

UNITS = {"ISK": Fraction(100), "UGX": Fraction(100), "MGA": Fraction(1, 100)}
"""How many of Stripe's units a minor unit of ISO 4217 is, where it is not one.

https://docs.stripe.com/currencies#special-cases
"""


class StripeRail:
    """Stripe Connect. Raises what `domain.payouts.rails.base` says."""

    name = RailName.STRIPE
    window = timedelta(hours=24)
    """Stripe may forget a key after that: https://docs.stripe.com/api/idempotent_requests"""

    def __init__(self, client: StripeClient) -> None:
        self._client = client

    def send(self, order: Order) -> Sent:
        """Make the transfer."""
        try:
            made = self._client.v1.transfers.create(
                {
                    "amount": _in_units(order.amount, order.currency),
                    "currency": order.currency.lower(),
                    "destination": order.destination,
                    "description": order.description,
                    "transfer_group": str(order.group),
                    "metadata": {PAYOUT: str(order.payout), KEY: order.key},
                },
                {"idempotency_key": order.key},
            )
        except stripe.StripeError as error:
            raise of_sending(error) from error
        return sent_of(made)

    def look_up(self, order: Order) -> Sent | NotThere:
        """Find the transfer that bears the order's key: an earlier one may have been reversed."""
        try:
            found = self._client.v1.transfers.list(
                {
                    "transfer_group": str(order.group),
                    "destination": order.destination,
                    "limit": PAGE,
                }
            )
            for transfer in found.auto_paging_iter():
                if note_of(transfer, KEY) == order.key:
                    return sent_of(transfer)
        except stripe.StripeError as error:
            raise of_asking(error) from error
        return NotThere()

    def transfers(self, since: datetime, until: datetime) -> Iterator[Listed]:
        """Yield the transfers that were made in [since, until), the newest first."""
        # Stripe tells whole seconds.
        first, end = ceil(since.timestamp()), ceil(until.timestamp())
        try:
            found = self._client.v1.transfers.list(
                {"created": {"gte": first, "lt": end}, "limit": PAGE}
            )
            for transfer in found.auto_paging_iter():
                yield _listed(transfer)
        except stripe.StripeError as error:
            raise of_asking(error) from error


def sent_of(transfer: Transfer) -> Sent:
    """Return how a transfer stands."""
    returned = _in_minor_units(transfer.amount_reversed, transfer.currency)
    return Sent(transfer.id, settled=True, returned=returned)


def _listed(transfer: Transfer) -> Listed:
    destination = transfer.destination
    return Listed(
        reference=transfer.id,
        payout=uuid_of(note_of(transfer, PAYOUT)),
        amount=_in_minor_units(transfer.amount, transfer.currency),
        currency=transfer.currency.upper(),
        destination=destination if isinstance(destination, str) else "",
        made_at=datetime.fromtimestamp(transfer.created, UTC),
        returned=_in_minor_units(transfer.amount_reversed, transfer.currency),
    )


def note_of(transfer: Transfer, name: str) -> str | None:
    """Return a word that we have put beside a transfer."""
    notes: dict[str, str] = transfer.metadata.to_dict()
    return notes.get(name)


def uuid_of(value: str | None) -> uuid.UUID | None:
    """Return what a word says, if it says an id."""
    try:
        return uuid.UUID(value) if value else None
    except ValueError:
        return None


def _in_units(amount: int, currency: str) -> int:
    exact = amount * UNITS.get(currency, Fraction(1))
    if exact.denominator != 1:
        raise Refused(f"Stripe carries no such fraction of {currency}.")
    return exact.numerator


def _in_minor_units(units: int, currency: str) -> int:
    # What others made in our name need not be whole.
    return round(units / UNITS.get(currency.upper(), Fraction(1)))
