"""Stripe's API: accounts, account links, transfers, reversals, the balance and events."""

from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from sandbox.current import here
from sandbox.stripe import accounts, errors, transfers
from sandbox.stripe.errors import StripeError
from sandbox.stripe.forms import Form
from sandbox.stripe.once import HEADER, once
from sandbox.stripe.platform import API_VERSION, new_id
from sandbox.stripe.shelf import PAGING

PREFIX = "/v1"
blueprint = Blueprint("stripe", __name__, url_prefix=PREFIX)

LARGEST_AMOUNT = 999_999_999_999
"""Minor units: twelve digits."""


@blueprint.errorhandler(StripeError)
def refused(error: StripeError) -> ResponseReturnValue:
    return jsonify(error.body), error.status


@blueprint.before_request
def check_key() -> None:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or given != here().stripe.api_key:
        raise errors.key_invalid(given)


@blueprint.after_request
def name_it(response: Response) -> Response:
    response.headers["Request-Id"] = new_id("req")
    response.headers["Stripe-Version"] = request.headers.get("Stripe-Version", API_VERSION)
    return response


@blueprint.route("/<path:path>", methods=["GET", "POST", "DELETE"])
def elsewhere(path: str) -> ResponseReturnValue:
    raise errors.unrecognised(request.method, f"{PREFIX}/{path}")


@blueprint.post("/accounts")
@once
def make_account() -> dict[str, Any]:
    form = _form("type", "country", "email", "capabilities", "metadata", "business_type")
    asked = form.group("capabilities")
    return accounts.make(
        here().stripe,
        key=_key(),
        capabilities=tuple(name for name, one in asked.items() if one.get("requested") == "true"),
        country=form.text("country") or "DE",
        email=form.text("email"),
        metadata=form.group("metadata"),
    )


@blueprint.get("/accounts")
def list_accounts() -> ResponseReturnValue:
    low, high, form = _listing()
    return here().stripe.accounts.page(
        form, f"{PREFIX}/accounts", lambda one: low <= one["created"] < high
    )


@blueprint.get("/accounts/<account>")
def get_account(account: str) -> ResponseReturnValue:
    return _account(account)


@blueprint.post("/account_links")
@once
def make_link() -> dict[str, Any]:
    form = _form("account", "type", "refresh_url", "return_url", "collection_options")
    if form.needed("type") not in {"account_onboarding", "account_update"}:
        raise errors.invalid("type", f"Invalid type: {form.text('type')}.")
    account = here().stripe.accounts.get(form.needed("account"))
    if account is None:
        raise errors.no_such("account", form.needed("account"), param="account", status=400)
    return accounts.make_link(
        here().stripe,
        account,
        here().public_url,
        form.needed("refresh_url"),
        form.needed("return_url"),
    )


@blueprint.post("/transfers")
@once
def make_transfer() -> dict[str, Any]:
    form = _form("amount", "currency", "destination", "description", "metadata", "transfer_group")
    currency, destination, amount = form.currency(), form.needed("destination"), _amount(form)
    if amount is None:
        raise errors.missing("amount")
    return transfers.make(
        here().stripe,
        key=_key(),
        amount=amount,
        currency=currency,
        destination=destination,
        description=form.text("description"),
        group=form.text("transfer_group"),
        metadata=form.group("metadata"),
    )


@blueprint.get("/transfers")
def list_transfers() -> ResponseReturnValue:
    low, high, form = _listing("destination", "transfer_group")
    destination, group = form.text("destination"), form.text("transfer_group")

    def wanted(transfer: dict[str, Any]) -> bool:
        return (
            low <= transfer["created"] < high
            and destination in {None, transfer["destination"]}
            and group in {None, transfer["transfer_group"]}
        )

    return here().stripe.transfers.page(form, f"{PREFIX}/transfers", wanted)


@blueprint.get("/transfers/<transfer>")
def get_transfer(transfer: str) -> ResponseReturnValue:
    return _transfer(transfer)


@blueprint.post("/transfers/<transfer>")
@once
def change_transfer(transfer: str) -> dict[str, Any]:
    form = _form("description", "metadata")
    return transfers.change(
        here().stripe,
        _transfer(transfer),
        key=_key(),
        description=form.text("description"),
        metadata=form.group("metadata"),
    )


@blueprint.post("/transfers/<transfer>/reversals")
@once
def reverse_transfer(transfer: str) -> dict[str, Any]:
    form = _form("amount", "description", "metadata")
    return transfers.reverse(
        here().stripe,
        _transfer(transfer),
        _amount(form),
        key=_key(),
        metadata=form.group("metadata"),
    )


@blueprint.get("/transfers/<transfer>/reversals")
def list_reversals(transfer: str) -> ResponseReturnValue:
    return jsonify(_transfer(transfer)["reversals"])


@blueprint.get("/balance")
def balance() -> ResponseReturnValue:
    available = [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}}
        for currency, amount in here().stripe.balances().items()
    ]
    pending = [one | {"amount": 0, "source_types": {"card": 0}} for one in available]
    return {"object": "balance", "available": available, "livemode": False, "pending": pending}


@blueprint.get("/events")
def list_events() -> ResponseReturnValue:
    low, high, form = _listing("type")
    kind = form.text("type")
    return here().stripe.events.page(
        form,
        f"{PREFIX}/events",
        lambda one: low <= one["created"] < high and kind in {None, one["type"]},
    )


@blueprint.get("/events/<event>")
def get_event(event: str) -> ResponseReturnValue:
    found = here().stripe.events.get(event)
    if found is None:
        raise errors.no_such("event", event, param="id", status=404)
    return found


def _form(*known: str) -> Form:
    return Form(request.form, frozenset(known))


def _listing(*more: str) -> tuple[int, int, Form]:
    form = Form(request.args, frozenset({"created", *PAGING, *more}))
    return (*form.bounds("created"), form)


def _key() -> str | None:
    return request.headers.get(HEADER)


def _amount(form: Form) -> int | None:
    amount = form.number("amount")
    if amount is not None and not 0 < amount <= LARGEST_AMOUNT:
        raise errors.invalid("amount", f"Invalid amount: must be 1 to {LARGEST_AMOUNT}.")
    return amount


def _account(id_: str) -> dict[str, Any]:
    account = here().stripe.accounts.get(id_)
    if account is None:
        raise errors.account_invalid(id_)
    return account


def _transfer(id_: str) -> dict[str, Any]:
    transfer = here().stripe.transfers.get(id_)
    if transfer is None:
        raise errors.no_such("transfer", id_, param="id", status=404)
    return transfer
