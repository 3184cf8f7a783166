"""Control over Stripe: its accounts, our balance there, and how its webhooks come."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from sandbox.current import here
from sandbox.orders import Order, Refused
from sandbox.stripe import accounts, transfers
from sandbox.stripe.errors import StripeError
from sandbox.stripe.outbox import Manner

blueprint = Blueprint("stripe_control", __name__, url_prefix="/stripe")


class AccountOrder(Order):
    ready: bool = True
    metadata: dict[str, str] = Field(default_factory=dict)


class BalanceOrder(Order):
    currency: str = Field(pattern="^[a-z]{3}$")
    amount: int = Field(ge=0)


class ReversalOrder(Order):
    amount: int | None = Field(default=None, ge=1)


class WebhookOrder(Order):
    url: str | None = None
    secret: str | None = None
    copies: int | None = Field(default=None, ge=0, le=10)
    late_ms: int | None = Field(default=None, ge=0, le=600_000)


@blueprint.get("/accounts")
def everyone() -> ResponseReturnValue:
    return {"items": list(here().stripe.accounts)}


@blueprint.post("/accounts")
def make() -> ResponseReturnValue:
    order, stripe = AccountOrder.model_validate(request.get_json()), here().stripe
    account = accounts.make(stripe, metadata=order.metadata)
    if order.ready:
        accounts.make_ready(stripe, account)
    return account, 201


@blueprint.post("/accounts/<account>/<any(ready, restrict, withdraw):act>")
def change(account: str, act: str) -> ResponseReturnValue:
    stripe, found = here().stripe, here().stripe.accounts.get(account)
    if found is None:
        raise Refused(404, f"no account {account}")
    acts = {
        "ready": accounts.make_ready,
        "restrict": accounts.restrict,
        "withdraw": accounts.withdraw,
    }
    acts[act](stripe, found)
    return found


@blueprint.get("/transfers")
def moved() -> ResponseReturnValue:
    return {"items": list(here().stripe.transfers)}


@blueprint.post("/transfers/<transfer>/reverse")
def reverse(transfer: str) -> ResponseReturnValue:
    order = ReversalOrder.model_validate(request.get_json())
    found = here().stripe.transfers.get(transfer)
    if found is None:
        raise Refused(404, f"no transfer {transfer}")
    try:
        transfers.reverse(here().stripe, found, order.amount)
    except StripeError as error:
        raise Refused(422, error.message) from error
    return found


@blueprint.get("/balance")
def balances() -> ResponseReturnValue:
    return here().stripe.balances()


@blueprint.post("/balance")
def set_balance() -> ResponseReturnValue:
    order = BalanceOrder.model_validate(request.get_json())
    here().stripe.set_balance(order.currency, order.amount)
    return balances()


@blueprint.get("/webhooks")
def manner() -> ResponseReturnValue:
    return _shown(here().stripe.outbox.manner)


@blueprint.post("/webhooks")
def set_manner() -> ResponseReturnValue:
    order, outbox = WebhookOrder.model_validate(request.get_json()), here().stripe.outbox
    outbox.manner = Manner(**asdict(outbox.manner) | order.model_dump(exclude_none=True))
    return manner()


@blueprint.post("/webhooks/again")
def send_again() -> ResponseReturnValue:
    """All events once more, the newest first."""
    stripe = here().stripe
    events = list(stripe.events)
    for event in reversed(events):
        stripe.outbox.send(event)
    return {"events": len(events)}


def _shown(manner: Manner) -> dict[str, Any]:
    return {name: value for name, value in asdict(manner).items() if name != "secret"}
