"""Where prizes go, and how an account gets ready for them."""

import uuid
from typing import Any

import pytest
import requests
from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.settings import Settings
from models.payout import PayoutAccount
from sandbox.faults import Fault, FaultKind
from sandbox.stripe import accounts
from sandbox.stripe.platform import API_KEY
from sandbox.world import World
from tests.integration.web.conftest import Caller, SignIn

PATH = "/me/payout-account"
WRONG = (
    {"rail": "paypal", "account": "x"},
    {"rail": "manual", "account": " "},
    {"rail": "manual", "account": "a\nb"},
    {"rail": "manual", "account": "x" * 201},
    {"account": "acct_12345678"},
)


@pytest.fixture
def site_settings(site_settings: Settings, sandbox: str) -> Settings:
    """As everywhere, and Stripe is the sandbox's."""
    return site_settings.model_copy(update={"stripe_api_key": API_KEY, "stripe_api_url": sandbox})


def opened(world: World, **metadata: str) -> str:
    account = accounts.make(world.stripe, metadata=metadata)
    accounts.make_ready(world.stripe, account)
    return str(account["id"])


def put(caller: Caller, account: str, rail: str = "stripe") -> Any:
    return caller.call("PUT", PATH, json={"rail": rail, "account": account})


def test_the_hosted_page_makes_an_account_ready(caller: Caller, world: World, sandbox: str) -> None:
    assert caller.get(PATH).json["code"] == "payout_account_not_found"  # type: ignore[index]
    body = {"return_url": f"{sandbox}/control/health"}
    answer = caller.post(f"{PATH}/onboarding", body)
    assert answer.status_code == 201
    started: Any = answer.json
    seen: Any = caller.get(PATH).json
    assert (seen["account"], seen["ready"]) == (started["account"], False)
    assert requests.post(started["url"], timeout=60).url == body["return_url"]
    again: Any = caller.post(f"{PATH}/onboarding").json
    assert again["account"] == started["account"]
    seen = caller.get(PATH).json
    assert (seen["rail"], seen["ready"]) == ("stripe", True)
    account = world.stripe.accounts.get(seen["account"])
    assert account is not None
    assert account["metadata"] == {"person": str(caller.sub)}


def test_an_account_that_was_withdrawn_is_replaced(caller: Caller, world: World) -> None:
    first: Any = caller.post(f"{PATH}/onboarding", {}, key="k").json
    assert caller.post(f"{PATH}/onboarding", {}, key="k").json == first
    assert len(world.stripe.links) == 1
    account = world.stripe.accounts.get(first["account"])
    assert account is not None
    accounts.withdraw(world.stripe, account)
    second: Any = caller.post(f"{PATH}/onboarding").json
    assert second["account"] != first["account"]
    assert caller.get(PATH).json["account"] == second["account"]  # type: ignore[index]


def test_an_account_is_taken_as_the_rail_sees_it(caller: Caller, world: World) -> None:
    account = opened(world, person=str(caller.sub))
    answer = put(caller, account)
    assert answer.status_code == 200
    assert answer.json == caller.get(PATH).json
    assert (answer.json["ready"], answer.json["checked_at"] is not None) == (True, True)
    by_hand = accounts.make(world.stripe)["id"]
    assert put(caller, by_hand).json["ready"] is False
    manual = put(caller, "  gift card to ada@example.org ", "manual").json
    assert (manual["account"], manual["ready"]) == ("gift card to ada@example.org", True)
    assert manual["checked_at"] is None


def test_other_peoples_accounts_are_refused(
    sign_in: SignIn, world: World, session: Session
) -> None:
    ada, eve = sign_in(), sign_in()
    by_hand, for_ada = opened(world), opened(world, person=str(ada.sub))
    assert put(ada, by_hand).status_code == 200
    for account in (by_hand, for_ada):
        refused = put(eve, account)
        assert (refused.status_code, refused.json["code"]) == (409, "payout_account_taken")
    assert [one.account for one in session.scalars(select(PayoutAccount))] == [by_hand]


def test_what_is_not_valid_changes_nothing(caller: Caller) -> None:
    for account in ("acct_nobodysaccount", "DE89370400440532013000", "acct_"):
        refused = put(caller, account)
        assert (refused.status_code, refused.json["code"]) == (422, "payout_account_unknown")
        assert refused.json["errors"][0]["loc"] == ["body", "account"]
    for body in WRONG:
        assert caller.call("PUT", PATH, json=body).status_code == 422
    for url in ("javascript:alert(1)", "app://back", "https://a b"):
        assert caller.post(f"{PATH}/onboarding", {"return_url": url}).status_code == 422
    assert caller.get(PATH).status_code == 404


def test_a_vendor_that_is_away_can_be_asked_again(caller: Caller, world: World) -> None:
    account = opened(world)
    world.faults.pending.append(Fault(world.faults.next_id(), "/v1", FaultKind.CUT))
    refused = put(caller, account)
    assert (refused.status_code, refused.json["code"]) == (503, "vendor_unavailable")
    assert put(caller, account).status_code == 200


class TestWithoutAKey:
    """The rail is off."""

    @pytest.fixture
    def site_settings(self, site_settings: Settings) -> Settings:
        return site_settings.model_copy(update={"stripe_api_key": None})

    def test_only_the_manual_rail_is_there(self, caller: Caller) -> None:
        answers: list[Any] = [
            put(caller, f"acct_{uuid.uuid4().hex}"),
            caller.post(f"{PATH}/onboarding"),
        ]
        for answer in answers:
            assert (answer.status_code, answer.json["code"]) == (409, "rail_off")
        assert put(caller, "by post", "manual").status_code == 200
