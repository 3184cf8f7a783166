"""The Stripe rail against the sandbox's Stripe."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests

from domain.errors import Duplicate, Refused, Retryable, Throttled, VendorError
from domain.payouts.rails import stripe_client
from domain.payouts.rails.base import (
    AccountNotReady,
    AccountUnknown,
    BalanceInsufficient,
    Listed,
    NotExecuted,
    NotThere,
    Order,
    OutcomeUnknown,
    Sent,
)
from domain.payouts.rails.stripe import StripeRail
from domain.payouts.rails.stripe_client import make_client
from sandbox.faults import FaultKind
from sandbox.ports import free_port
from sandbox.stripe import accounts, transfers
from sandbox.stripe.platform import API_KEY
from tests.integration.rails.conftest import Bank

MINUTE = timedelta(minutes=1)


@pytest.fixture
def rail(bank: Bank) -> StripeRail:
    return StripeRail(bank.client)


@pytest.fixture
def order(bank: Bank) -> Order:
    payout = uuid.uuid4()
    return Order(payout, f"{payout}-1", 1250, "EUR", bank.account(), uuid.uuid4(), "A prize")


def test_an_order_is_carried_out_once_and_found(bank: Bank, rail: StripeRail, order: Order) -> None:
    assert rail.look_up(order) == NotThere()
    sent = rail.send(order)
    assert rail.send(order) == rail.look_up(order) == sent == Sent(sent.reference, settled=True)
    made = bank.stripe.transfers.get(sent.reference)
    assert made is not None
    assert (made["amount"], made["currency"], made["destination"]) == (
        1250,
        "eur",
        order.destination,
    )
    assert made["transfer_group"] == str(order.group)


def test_a_payout_that_came_back_has_two_transfers(
    bank: Bank, rail: StripeRail, order: Order
) -> None:
    first = rail.send(order)
    reversed_ = bank.stripe.transfers.get(first.reference)
    assert reversed_ is not None
    transfers.reverse(bank.stripe, reversed_, 250)
    assert rail.look_up(order) == replace(first, returned=250)
    transfers.reverse(bank.stripe, reversed_)
    second_order = replace(order, key=f"{order.payout}-2")
    assert rail.look_up(second_order) == NotThere()
    second = rail.send(second_order)
    assert rail.look_up(second_order) == second
    assert rail.look_up(order) == replace(first, returned=1250)
    assert second.reference != first.reference


def test_a_key_belongs_to_one_order(rail: StripeRail, order: Order) -> None:
    rail.send(order)
    with pytest.raises(Duplicate):
        rail.send(replace(order, amount=1251))


def test_the_list_holds_what_was_made_within(bank: Bank, rail: StripeRail, order: Order) -> None:
    now = datetime.fromtimestamp(bank.world.clock.now_s(), UTC)
    sent = rail.send(order)
    foreign = transfers.make(
        bank.stripe,
        key=None,
        amount=7,
        currency="usd",
        destination=order.destination,
        description=None,
        group=None,
        metadata={"payout": "by hand"},
    )
    listed = {one.reference: one for one in rail.transfers(now, now + MINUTE)}
    ours, theirs = listed[sent.reference], listed[foreign["id"]]
    assert ours == Listed(
        sent.reference, order.payout, 1250, "EUR", order.destination, ours.made_at, 0
    )
    assert (theirs.payout, theirs.currency) == (None, "USD")
    assert list(rail.transfers(now - MINUTE, now - MINUTE / 2)) == []


@pytest.mark.parametrize(
    ("currency", "ours", "theirs"), [("ISK", 5, 500), ("MGA", 500, 5), ("JPY", 5, 5)]
)
def test_amounts_are_told_in_stripes_units(
    bank: Bank, rail: StripeRail, order: Order, currency: str, ours: int, theirs: int
) -> None:
    sent = rail.send(replace(order, currency=currency, amount=ours))
    made = bank.stripe.transfers.get(sent.reference)
    assert made is not None
    assert made["amount"] == theirs
    (listed,) = (
        one
        for one in rail.transfers(
            datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
        )
        if one.reference == sent.reference
    )
    assert (listed.amount, listed.currency) == (ours, currency)


def test_a_fraction_that_stripe_does_not_know_is_refused(rail: StripeRail, order: Order) -> None:
    with pytest.raises(Refused):
        rail.send(replace(order, currency="MGA", amount=501))


@pytest.mark.parametrize(
    ("body", "ends"),
    [
        ("stripe_key_invalid", NotExecuted),
        ("stripe_permission_missing", NotExecuted),
        ("stripe_account_invalid", AccountUnknown),
        ("stripe_no_such_destination", AccountUnknown),
        ("stripe_balance_insufficient", BalanceInsufficient),
        ("stripe_capability_missing", AccountNotReady),
        ("stripe_key_in_use", OutcomeUnknown),
        ("stripe_key_mismatch", Duplicate),
        ("stripe_rate_limit", Throttled),
        ("stripe_lock_timeout", Throttled),
        ("stripe_api_error", OutcomeUnknown),
    ],
)
def test_each_error_tells_what_became_of_the_money(
    bank: Bank, rail: StripeRail, order: Order, body: str, ends: type[VendorError]
) -> None:
    with bank.failing(FaultKind.STATUS, body), pytest.raises(ends) as ended:
        rail.send(order)
    assert type(ended.value) is ends
    assert rail.look_up(order) == NotThere()
    if ends is not Duplicate:
        assert rail.send(order).settled


@pytest.mark.parametrize(
    ("kind", "moved"),
    [
        (FaultKind.CUT, False),
        (FaultKind.LOSE, True),
        (FaultKind.TRUNCATE, True),
        (FaultKind.STUMBLE, True),
    ],
)
def test_a_lost_answer_is_an_unknown_outcome(
    bank: Bank, rail: StripeRail, order: Order, kind: FaultKind, moved: bool
) -> None:
    with bank.failing(kind), pytest.raises(OutcomeUnknown):
        rail.send(order)
    assert isinstance(rail.look_up(order), Sent) is moved


def test_time_is_up(
    bank: Bank, rail: StripeRail, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe_client, "READ_SECONDS", 0.2)
    hasty = StripeRail(make_client(API_KEY, bank.url))
    with bank.failing(FaultKind.DELAY, delay_ms=60_000), pytest.raises(OutcomeUnknown):
        hasty.send(order)
    # It is still under way, which a question cannot tell, but the key can.
    assert rail.look_up(order) == NotThere()
    with pytest.raises(OutcomeUnknown):
        rail.send(order)


def test_nobody_is_there(order: Order) -> None:
    nowhere = StripeRail(make_client(API_KEY, f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(NotExecuted):
        nowhere.send(order)
    with pytest.raises(Retryable):
        nowhere.look_up(order)


@pytest.mark.parametrize("status", [400, 404, 500])
def test_an_answer_that_is_not_stripes_proves_nothing(
    monkeypatch: pytest.MonkeyPatch, rail: StripeRail, order: Order, status: int
) -> None:
    def answer(*_: object, **__: object) -> requests.Response:
        said = requests.Response()
        said.status_code, said._content = status, b"<html>a proxy</html>"
        return said

    monkeypatch.setattr(requests.Session, "request", answer)
    with pytest.raises(OutcomeUnknown):
        rail.send(order)


def test_questions_are_refused_for_a_while(bank: Bank, rail: StripeRail, order: Order) -> None:
    with bank.failing(FaultKind.STATUS, "stripe_rate_limit"):
        with pytest.raises(Throttled):
            rail.look_up(order)
        with pytest.raises(Throttled):
            next(rail.transfers(datetime.now(UTC) - MINUTE, datetime.now(UTC)))
    with (
        bank.failing(FaultKind.STATUS, "stripe_key_invalid"),
        pytest.raises(Retryable, match="AuthenticationError"),
    ):
        rail.look_up(order)


def test_an_account_that_was_restricted_or_withdrawn(
    bank: Bank, rail: StripeRail, order: Order
) -> None:
    account = bank.stripe.accounts.get(order.destination)
    assert account is not None
    accounts.restrict(bank.stripe, account)
    with pytest.raises(AccountNotReady):
        rail.send(order)
    accounts.withdraw(bank.stripe, account)
    with pytest.raises(AccountUnknown):
        rail.send(replace(order, key=f"{order.payout}-2"))


def test_the_client_never_tries_again_by_itself(bank: Bank, rail: StripeRail, order: Order) -> None:
    bank.world.calls.clear()
    with bank.failing(FaultKind.STATUS, "stripe_key_in_use"), pytest.raises(OutcomeUnknown):
        rail.send(order)
    with bank.failing(FaultKind.CUT), pytest.raises(OutcomeUnknown):
        rail.send(order)
    assert bank.world.calls.listed("/v1/transfers")["total"] == 2
