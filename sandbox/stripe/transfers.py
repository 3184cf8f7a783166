"""Transfers from our balance to connected accounts, and back."""

from typing import Any

from sandbox.stripe import errors
from sandbox.stripe.platform import Platform, new_id


def make(
    platform: Platform,
    *,
    key: str | None,
    amount: int,
    currency: str,
    destination: str,
    description: str | None,
    group: str | None,
    metadata: dict[str, str],
) -> dict[str, Any]:
    """Move money. Raises `StripeError` if the account cannot take it or we do not have it."""
    account = platform.accounts.get(destination)
    if account is None:
        raise errors.no_such("destination", destination, param="destination", status=400)
    if account["capabilities"].get("transfers") != "active":
        raise errors.capability_missing()
    if platform.balance(currency) < amount:
        raise errors.balance_insufficient()
    platform.set_balance(currency, platform.balance(currency) - amount)
    id_ = new_id("tr")
    transfer: dict[str, Any] = {
        "id": id_,
        "object": "transfer",
        "amount": amount,
        "amount_reversed": 0,
        "balance_transaction": new_id("txn"),
        "created": platform.clock.now_s(),
        "currency": currency,
        "description": description,
        "destination": destination,
        "destination_payment": new_id("py"),
        "livemode": False,
        "metadata": metadata,
        "reversals": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/transfers/{id_}/reversals",
        },
        "reversed": False,
        "source_transaction": None,
        "source_type": "card",
        "transfer_group": group,
    }
    platform.transfers.put(transfer)
    platform.happened("transfer.created", transfer, key=key)
    return transfer


def reverse(
    platform: Platform,
    transfer: dict[str, Any],
    amount: int | None = None,
    *,
    key: str | None = None,
    metadata: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Take back what is left of a transfer, or a part of it."""
    left = transfer["amount"] - transfer["amount_reversed"]
    amount = left if amount is None else amount
    if not 0 < amount <= left:
        message = f"Reversal amount ({amount}) is greater than the unreversed amount ({left})."
        raise errors.invalid("amount", message)
    reversal = {
        "id": new_id("trr"),
        "object": "transfer_reversal",
        "amount": amount,
        "balance_transaction": new_id("txn"),
        "created": platform.clock.now_s(),
        "currency": transfer["currency"],
        "destination_payment_refund": new_id("pyr"),
        "metadata": metadata or {},
        "source_refund": None,
        "transfer": transfer["id"],
    }
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    transfer["reversals"]["data"].insert(0, reversal)
    currency = transfer["currency"]
    platform.set_balance(currency, platform.balance(currency) + amount)
    platform.transfers.put(transfer)
    platform.happened("transfer.reversed", transfer, key=key)
    return reversal


def change(
    platform: Platform,
    transfer: dict[str, Any],
    *,
    key: str | None,
    description: str | None,
    metadata: dict[str, str],
) -> dict[str, Any]:
    """Write other words beside it."""
    if description is not None:
        transfer["description"] = description
    transfer["metadata"] |= metadata
    platform.transfers.put(transfer)
    platform.happened("transfer.updated", transfer, key=key)
    return transfer
