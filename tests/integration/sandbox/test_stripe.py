"""Stripe driven by its own client; answers are held against its specification."""

import gzip
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe
from jsonschema import Draft7Validator
from stripe import StripeClient

from sandbox.clock import DAY_MS
from sandbox.stripe import accounts, transfers
from sandbox.stripe.errors import NAMED
from sandbox.stripe.keys import Kept
from sandbox.stripe.outbox import SECRET
from sandbox.stripe.platform import API_KEY
from sandbox.world import World
from tests.conftest import SHARED
from tests.integration.sandbox.conftest import Visitor
from tests.integration.sandbox.listener import Listener, listening

SPECIFICATION = SHARED / "data" / "stripe" / "spec3_v1_2022-04-12.json.gz"


def client(visitor: Visitor, key: str = API_KEY, timeout: float = 60) -> StripeClient:
    return StripeClient(
        key,
        base_addresses={"api": visitor.url},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=timeout, session=visitor.http),
    )


@pytest.fixture
def api(visitor: Visitor) -> StripeClient:
    return client(visitor)


@pytest.fixture
def ready(visitor: Visitor) -> str:
    """An account that can take money."""
    account: str = visitor.control("/stripe/accounts", ready=True)["id"]
    return account


@pytest.fixture
def listener(visitor: Visitor) -> Iterator[Listener]:
    with listening() as heard:
        visitor.control("/stripe/webhooks", url=heard.url)
        yield heard


def pay(api: StripeClient, account: str, key: str = "k1", amount: int = 1250) -> stripe.Transfer:
    return api.v1.transfers.create(
        {
            "amount": amount,
            "currency": "eur",
            "destination": account,
            "description": "A prize",
            "transfer_group": "race",
            "metadata": {"payout": "p1", "key": key},
        },
        {"idempotency_key": key},
    )


def moved(api: StripeClient) -> list[str]:
    return [one.id for one in api.v1.transfers.list().data]


@cache
def specification() -> dict[str, Any]:
    if not SPECIFICATION.exists():
        pytest.skip("no specification at hand")
    document: dict[str, Any] = json.loads(gzip.decompress(SPECIFICATION.read_bytes()))
    return document


@cache
def validator(name: str) -> Draft7Validator:
    """A validator of one schema, its `nullable` told in JSON Schema's words."""
    schemas = specification()["components"]["schemas"]
    needed: dict[str, Any] = {}

    def translated(node: Any) -> Any:
        if isinstance(node, list):
            return [translated(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            take(node["$ref"].rsplit("/", 1)[1])
        inner = {key: translated(one) for key, one in node.items() if key != "nullable"}
        return {"anyOf": [inner, {"type": "null"}]} if node.get("nullable") is True else inner

    def take(wanted: str) -> None:
        if wanted not in needed:
            needed[wanted] = None
            needed[wanted] = translated(schemas[wanted])

    take(name)
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": needed}}
    return Draft7Validator(schema)


def check(answer: Any, name: str) -> None:
    """Hold it against the schema; nothing at its top that the schema does not name."""
    validator(name).validate(answer)
    assert set(answer) <= set(specification()["components"]["schemas"][name]["properties"])


def get(visitor: Visitor, path: str, key: str = API_KEY, **query: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return visitor.http.get(f"{visitor.url}/v1{path}", headers=headers, params=query)


def test_answers_are_as_specified(visitor: Visitor, api: StripeClient, ready: str) -> None:
    transfer = pay(api, ready)
    reversal = api.v1.transfers.reversals.create(transfer.id, {"amount": 50})
    link = api.v1.account_links.create(
        {
            "account": ready,
            "type": "account_onboarding",
            "return_url": "http://127.0.0.1:9/",
            "refresh_url": "http://127.0.0.1:9/",
        }
    )
    check(link.to_dict(), "account_link")
    check(reversal.to_dict(), "transfer_reversal")
    check(get(visitor, f"/transfers/{transfer.id}").json(), "transfer")
    check(get(visitor, f"/accounts/{ready}").json(), "account")
    check(get(visitor, "/balance").json(), "balance")
    for event in get(visitor, "/events").json()["data"]:
        check(event, "event")
    check(get(visitor, "/transfers/tr_none").json(), "error")


def test_named_errors_are_as_specified_and_become_the_clients_exceptions(
    visitor: Visitor, api: StripeClient, ready: str
) -> None:
    for name, error in NAMED.items():
        visitor.fault("status", "/v1", body=name)
        with pytest.raises(stripe.StripeError) as refused:
            pay(api, ready)
        assert (refused.value.http_status, refused.value.json_body) == (error.status, error.body)
        check(error.body, "error")
    assert moved(api) == []


def test_an_account_becomes_ready_on_its_hosted_page(visitor: Visitor, api: StripeClient) -> None:
    account = api.v1.accounts.create(
        {
            "type": "express",
            "capabilities": {"transfers": {"requested": True}},
            "metadata": {"person": "somebody"},
        },
        {"idempotency_key": "onboarding-1"},
    )
    assert account.capabilities is not None
    assert account.capabilities.transfers == "inactive"
    with pytest.raises(stripe.InvalidRequestError, match="capabilities") as refused:
        pay(api, account.id)
    assert refused.value.code == "insufficient_capabilities_for_transfer"
    back, again = f"{visitor.url}/control/health?back", f"{visitor.url}/control/health?again"
    link = api.v1.account_links.create(
        {
            "account": account.id,
            "type": "account_onboarding",
            "return_url": back,
            "refresh_url": again,
        }
    )
    assert "tos_acceptance" in visitor.http.get(link.url).text
    assert visitor.http.post(link.url).url == back
    assert visitor.http.get(link.url).status_code == 404
    now = api.v1.accounts.retrieve(account.id)
    assert now.capabilities is not None
    assert (now.capabilities.transfers, now.details_submitted) == ("active", True)
    # The refusal belongs to its key; another try needs another.
    with pytest.raises(stripe.InvalidRequestError, match="capabilities"):
        pay(api, account.id)
    assert pay(api, account.id, "k2").amount == 1250


def test_a_link_that_is_too_old_leads_to_a_new_one(
    visitor: Visitor, api: StripeClient, ready: str
) -> None:
    link = api.v1.account_links.create(
        {
            "account": ready,
            "type": "account_onboarding",
            "return_url": f"{visitor.url}/control/health?back",
            "refresh_url": f"{visitor.url}/control/health?again",
        }
    )
    visitor.control("/clock", offset_s=301)
    assert visitor.http.get(link.url).url.endswith("?again")


def test_accounts_that_are_not_ours(visitor: Visitor, api: StripeClient, ready: str) -> None:
    with pytest.raises(stripe.PermissionError) as gone:
        api.v1.accounts.retrieve("acct_elsewhere")
    assert gone.value.error is not None
    assert gone.value.error.code == "account_invalid"
    visitor.act(f"/stripe/accounts/{ready}/withdraw")
    with pytest.raises(stripe.InvalidRequestError) as missing:
        pay(api, ready)
    assert (missing.value.code, missing.value.param) == ("resource_missing", "destination")


def test_the_balance_pays_and_takes_back(visitor: Visitor, api: StripeClient, ready: str) -> None:
    visitor.control("/stripe/balance", currency="eur", amount=1300)
    first = pay(api, ready)
    with pytest.raises(stripe.InvalidRequestError) as poor:
        pay(api, ready, "k2")
    assert poor.value.code == "balance_insufficient"
    api.v1.transfers.reversals.create(first.id, {"amount": 250})
    part = api.v1.transfers.retrieve(first.id)
    assert (part.amount_reversed, part.reversed) == (250, False)
    with pytest.raises(stripe.InvalidRequestError, match="unreversed amount"):
        api.v1.transfers.reversals.create(first.id, {"amount": 1001})
    visitor.control(f"/stripe/transfers/{first.id}/reverse", amount=1000)
    assert api.v1.transfers.retrieve(first.id).reversed is True
    (eur,) = api.v1.balance.retrieve().available
    assert (eur.currency, eur.amount) == ("eur", 1300)


def test_a_key_gets_its_first_answer_again(visitor: Visitor, api: StripeClient, ready: str) -> None:
    first = pay(api, ready)
    again = pay(api, ready)
    assert again.id == first.id
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        pay(api, ready, amount=1251)
    visitor.control("/clock", offset_s=DAY_MS / 1000 + 1)
    assert pay(api, ready).id != first.id
    assert len(moved(api)) == 2


def test_a_refusal_at_the_door_leaves_the_key_unused(api: StripeClient, ready: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(api, ready, amount=0)
    assert refused.value.param == "amount"
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        api.v1.transfers.create(
            {"currency": "eur", "destination": ready, "source_type": "card"},
            {"idempotency_key": "k1"},
        )
    assert unknown.value.code == "parameter_unknown"
    assert pay(api, ready).amount == 1250


def test_a_key_in_use_is_not_waited_for(visitor: Visitor, api: StripeClient, ready: str) -> None:
    visitor.fault("delay", "/v1/transfers", delay_ms=60_000)
    with pytest.raises(stripe.APIConnectionError):
        pay(client(visitor, timeout=0.2), ready)
    with pytest.raises(stripe.APIError) as refused:
        pay(api, ready)
    assert refused.value.http_status == 409
    assert moved(api) == []


@pytest.mark.parametrize("kind", ["lose", "truncate", "stumble"])
def test_something_was_done_and_the_answer_is_lost(
    visitor: Visitor, api: StripeClient, ready: str, kind: str
) -> None:
    visitor.fault(kind, "/v1/transfers")
    with pytest.raises((stripe.APIConnectionError, stripe.APIError)) as lost:
        pay(api, ready)
    assert lost.value.http_status == (500 if kind == "stumble" else None)
    (id_,) = moved(api)
    if kind == "stumble":
        with pytest.raises(stripe.APIError):
            pay(api, ready)
    else:
        assert pay(api, ready).id == id_
    assert moved(api) == [id_]


@pytest.mark.parametrize("kind", ["cut", "status"])
def test_nothing_was_done(visitor: Visitor, api: StripeClient, ready: str, kind: str) -> None:
    visitor.fault(kind, "/v1/transfers")
    with pytest.raises((stripe.APIConnectionError, stripe.APIError)):
        pay(api, ready)
    assert moved(api) == []
    assert [pay(api, ready).id] == moved(api)


def test_lists_are_read_page_by_page(visitor: Visitor, api: StripeClient, ready: str) -> None:
    other = visitor.control("/stripe/accounts", ready=True)["id"]
    ids = [pay(api, (ready, other)[n % 2], f"k{n}").id for n in range(5)]
    pages = api.v1.transfers.list({"transfer_group": "race", "limit": 2})
    assert [one.id for one in pages.auto_paging_iter()] == ids[::-1]
    of_one = api.v1.transfers.list({"destination": other, "transfer_group": "race"})
    assert [one.id for one in of_one.data] == [ids[3], ids[1]]
    assert api.v1.transfers.list({"transfer_group": "other"}).data == []
    before = api.v1.transfers.list({"ending_before": ids[1], "limit": 2})
    assert ([one.id for one in before.data], before.has_more) == ([ids[3], ids[2]], True)
    made = api.v1.transfers.retrieve(ids[0]).created
    assert api.v1.transfers.list({"created": {"gte": made, "lt": made + 60}}).data
    assert api.v1.transfers.list({"created": {"gt": made + 60}}).data == []
    assert get(visitor, "/transfers", limit="101").status_code == 400


def test_keys_and_addresses_that_stripe_does_not_know(visitor: Visitor) -> None:
    with pytest.raises(stripe.AuthenticationError):
        client(visitor, "sk_test_else").v1.balance.retrieve()
    assert visitor.http.get(f"{visitor.url}/v1/balance").status_code == 401
    assert get(visitor, "/coupons").status_code == 404


def test_events_come_signed(
    visitor: Visitor, api: StripeClient, ready: str, listener: Listener
) -> None:
    transfer = pay(api, ready)
    api.v1.transfers.reversals.create(transfer.id)
    bodies = listener.wait_for(2)
    kinds = {}
    for body, header in bodies:
        event = api.construct_event(body, header, SECRET)
        kinds[event.type] = event.data.object
        assert api.v1.events.retrieve(event.id).type == event.type
    assert set(kinds) == {"transfer.created", "transfer.reversed"}
    # Each shows the transfer as it was then.
    assert kinds["transfer.created"]["amount_reversed"] == 0
    assert kinds["transfer.reversed"]["amount_reversed"] == 1250
    with pytest.raises(stripe.SignatureVerificationError):
        api.construct_event(bodies[0][0], bodies[0][1], "whsec_other")


def test_events_come_twice_and_again_until_they_are_taken(
    visitor: Visitor, api: StripeClient, ready: str, listener: Listener
) -> None:
    visitor.control("/stripe/webhooks", copies=2)
    listener.refuse(1)
    pay(api, ready)
    ids = [json.loads(body)["id"] for body, _ in listener.wait_for(3)]
    assert len(set(ids)) == 1
    visitor.control("/stripe/webhooks", copies=1)
    visitor.act("/stripe/webhooks/again")
    known = {one.id for one in api.v1.events.list().data}
    assert {json.loads(body)["id"] for body, _ in listener.wait_for(3 + len(known))} == known


def test_late_events_overtake_each_other(
    visitor: Visitor, api: StripeClient, ready: str, listener: Listener
) -> None:
    visitor.control("/stripe/webhooks", late_ms=300)
    made = [pay(api, ready, f"k{n}").id for n in range(8)]
    told = [json.loads(body)["data"]["object"]["id"] for body, _ in listener.wait_for(8)]
    assert sorted(told) == sorted(made)
    assert told != made


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    first = World(1, data=tmp_path).stripe
    account = accounts.make(first)
    accounts.make_ready(first, account)
    accounts.withdraw(first, accounts.make(first))
    made = transfers.make(
        first,
        key="k",
        amount=5,
        currency="eur",
        destination=account["id"],
        description=None,
        group=None,
        metadata={},
    )
    first.keys.keep("k", "request", Kept(200, made))
    second = World(1, data=tmp_path).stripe
    assert list(second.transfers) == [made]
    assert list(second.accounts) == [account]
    assert list(second.events) == list(first.events)
    assert second.balances() == first.balances()
    assert second.keys.answered("k", "request") == Kept(200, made)
