"""What Stripe tells unasked: late, twice and in any order, while workers die."""

import uuid
from collections.abc import Iterable
from itertools import permutations
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from domain import clock, webhooks
from domain.payouts.rails.stripe import StripeRail
from domain.payouts.rails.stripe_accounts import StripeAccounts
from domain.payouts.states import Action
from domain.redis import Redis
from domain.settings import Settings
from domain.webhooks import LEASE, Vendor
from models import PayoutAccount
from models.payout import HoldReason, PayoutStatus
from models.rail import RailName
from sandbox.faults import FaultKind
from sandbox.stripe import accounts, transfers
from tasks.account_looks import AccountLooks
from tasks.hearing import Hearing
from tasks.paying import Paying
from tests.integration.payouts.obstacles import hinder
from tests.integration.payouts.purse import Purse
from tests.integration.rails.conftest import Bank, bank
from worker.app import make_app

__all__ = ["bank"]


class Post:
    """Brings events and lets them be worked off."""

    def __init__(self, purse: Purse, bank: Bank) -> None:
        self.purse = purse
        self.bank = bank
        self.hearing = Hearing(purse.unit, StripeAccounts(bank.client))
        self.paying = Paying(purse.unit, {RailName.STRIPE: StripeRail(bank.client)})

    def bring(self, events: Iterable[Any]) -> None:
        """Keep events in this order."""
        for event in events:
            with self.purse.unit() as unit:
                row = (event["id"], event["type"], orjson.dumps(event), clock.now())
                webhooks.keep(unit.session, Vendor.STRIPE, *row)

    def looks(self) -> AccountLooks:
        return AccountLooks(self.purse.unit, StripeAccounts(self.bank.client))

    def work_off(self) -> None:
        while self.hearing.work_off():
            pass

    def outcomes(self) -> dict[str, str | None]:
        """What events came to, by id; those that are due again have no end."""
        query = "SELECT event_id, outcome FROM webhook_event WHERE processed_at IS NOT NULL"
        with self.purse.engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(text(query))}

    def pay(self, *, lost: bool = False) -> uuid.UUID:
        """Pay one winner at Stripe; return the payout."""
        (payout_id,) = self.purse.distributed([100], rail=RailName.STRIPE)
        person_id = self.purse.row(payout_id).person_id
        with self.purse.unit() as unit:
            unit.session.get_one(PayoutAccount, person_id).account = self.bank.account()
        if lost:
            with self.bank.failing(FaultKind.LOSE):
                self.paying.pay()
        else:
            self.paying.pay()
        return payout_id

    def transfer_of(self, payout_id: uuid.UUID) -> Any:
        found = [one for one in self.bank.stripe.transfers if _is_of(one, payout_id)]
        return found[-1]

    def events_of(self, payout_id: uuid.UUID) -> list[Any]:
        """What Stripe has to tell of a payout, in order."""
        return [one for one in self.bank.stripe.events if _is_of(one["data"]["object"], payout_id)]


def _is_of(thing: Any, payout_id: uuid.UUID) -> bool:
    return bool(thing.get("metadata", {}).get("payout") == str(payout_id))


@pytest.fixture
def post(purse: Purse, bank: Bank) -> Post:
    return Post(purse, bank)


def test_what_was_lost_is_told(post: Post) -> None:
    payout_id = post.pay(lost=True)
    assert post.purse.row(payout_id).status is PayoutStatus.UNKNOWN
    (event,) = post.events_of(payout_id)
    post.bring([event])
    post.work_off()
    row = post.purse.row(payout_id)
    assert (row.status, row.reference) == (
        PayoutStatus.PAID,
        post.transfer_of(payout_id)["id"],
    )
    assert post.outcomes() == {event["id"]: "paid"}
    post.purse.verify()


def test_in_any_order_it_comes_to_the_same(post: Post) -> None:
    for number, order in enumerate(permutations(range(3))):
        payout_id = post.pay(lost=number % 2 == 0)
        transfer = post.transfer_of(payout_id)
        transfers.change(post.bank.stripe, transfer, key=None, description="x", metadata={})
        transfers.reverse(post.bank.stripe, transfer)
        told = post.events_of(payout_id)
        post.bring(told[one] for one in order)
        post.bring(told)
        post.work_off()
        assert post.purse.row(payout_id).status is PayoutStatus.RETURNED
        steps = [one for one in post.purse.steps(payout_id) if one != "lose"]
        assert steps == ["claim", "settle", "return"]
    assert len(post.outcomes()) == 3 * 6
    post.purse.verify()


def test_a_late_word_about_an_earlier_key_changes_nothing(post: Post) -> None:
    payout_id = post.pay()
    transfers.reverse(post.bank.stripe, post.transfer_of(payout_id))
    early = post.events_of(payout_id)
    post.bring(early[1:])
    post.work_off()
    assert post.purse.act(payout_id, Action.RELEASE)
    post.paying.pay()
    post.bring([early[0], {**early[1], "id": "evt_again"}])
    post.work_off()
    assert post.purse.row(payout_id).status is PayoutStatus.PAID
    assert post.outcomes()["evt_again"] == "nothing new"
    post.purse.verify()


def test_a_part_that_came_back_leaves_the_payout(post: Post) -> None:
    payout_id = post.pay()
    transfers.reverse(post.bank.stripe, post.transfer_of(payout_id), 40)
    post.bring(post.events_of(payout_id))
    post.work_off()
    assert post.purse.row(payout_id).status is PayoutStatus.PAID
    post.purse.verify()


def test_a_worker_that_is_lost_half_way_leaves_them_due(post: Post) -> None:
    payout_id = post.pay(lost=True)
    post.bring(post.events_of(payout_id))
    with post.purse.unit() as unit:
        assert len(webhooks.claim(unit.session, 10, clock.now())) == 1
    post.work_off()
    assert post.outcomes() == {}
    with clock.moved(LEASE):
        post.work_off()
    assert set(post.outcomes().values()) == {"paid"}
    post.purse.verify()


def test_an_account_is_looked_at_whatever_is_told(post: Post) -> None:
    (payout_id,) = post.purse.distributed([100], rail=RailName.STRIPE)
    person_id = post.purse.row(payout_id).person_id
    account = accounts.make(post.bank.stripe)
    with post.purse.unit() as unit:
        unit.session.get_one(PayoutAccount, person_id).account = account["id"]
    hinder(post.purse, payout_id, HoldReason.ACCOUNT_NOT_READY)
    post.paying.pay()
    assert post.purse.row(payout_id).hold_reason is HoldReason.ACCOUNT_NOT_READY
    accounts.make_ready(post.bank.stripe, account)
    told = [one for one in post.bank.stripe.events if one.get("account") == account["id"]]
    post.bring(reversed(told))
    post.work_off()
    assert set(post.outcomes().values()) == {"ready"}
    with post.purse.engine.connect() as connection:
        assert set(connection.scalars(text("SELECT body FROM webhook_event"))) == {b""}
    while post.paying.look_after() | post.paying.pay():
        pass
    assert post.purse.row(payout_id).status is PayoutStatus.PAID
    accounts.withdraw(post.bank.stripe, account)
    post.bring(post.bank.stripe.events)
    post.work_off()
    with post.purse.unit() as unit:
        assert not unit.session.get_one(PayoutAccount, person_id).ready


def test_an_account_of_which_nothing_was_heard_is_looked_at(post: Post) -> None:
    (payout_id,) = post.purse.distributed([100], rail=RailName.STRIPE)
    person_id = post.purse.row(payout_id).person_id
    account = accounts.make(post.bank.stripe)
    with post.purse.unit() as unit:
        unit.session.get_one(PayoutAccount, person_id).account = account["id"]
    hinder(post.purse, payout_id, HoldReason.ACCOUNT_NOT_READY)
    post.paying.pay()
    accounts.make_ready(post.bank.stripe, account)
    with post.bank.failing(FaultKind.CUT):
        post.looks().look_at_unheard(9)
    assert post.purse.row(payout_id).status is PayoutStatus.HELD
    post.looks().look_at_unheard(9)
    accounts.restrict(post.bank.stripe, account)
    post.looks().look_at_unheard(9)
    while post.paying.look_after():
        pass
    assert post.purse.row(payout_id).status is PayoutStatus.PENDING
    with post.purse.unit() as unit:
        assert unit.session.get_one(PayoutAccount, person_id).ready


def test_a_vendor_that_is_away_is_asked_later(post: Post) -> None:
    made = post.bank.account()
    told = [one for one in post.bank.stripe.events if one.get("account") == made]
    post.bring(told)
    with post.bank.failing(FaultKind.STATUS, "stripe_api_error"):
        post.work_off()
    assert post.outcomes() == {}
    away = Hearing(post.purse.unit, None)
    with clock.moved(LEASE):
        while away.work_off():
            pass
    assert post.outcomes() == {}
    with clock.moved(2 * LEASE):
        Post(post.purse, post.bank).work_off()
    assert set(post.outcomes().values()) == {"nothing new"}


def test_what_is_none_of_ours_is_worked_off_too(post: Post) -> None:
    foreign = transfers.make(
        post.bank.stripe,
        key=None,
        amount=7,
        currency="usd",
        destination=post.bank.account(),
        description=None,
        group=None,
        metadata={"payout": str(uuid.uuid4()), "key": "theirs"},
    )
    told = {"id": "evt_0", "type": "transfer.created", "object": "event"}
    post.bring(
        [
            {**told, "data": {"object": foreign}},
            {**told, "id": "evt_1", "data": {"object": {**foreign, "metadata": {}}}},
            {**told, "id": "evt_2", "data": {"object": {"object": "transfer"}}},
            {**told, "id": "evt_3", "data": {}},
            {**told, "id": "evt_4", "type": "payout.paid"},
            {**told, "id": "evt_5", "type": "account.updated"},
        ]
    )
    post.work_off()
    assert post.outcomes() == {
        "evt_0": "nothing new",
        "evt_1": "none of ours",
        "evt_2": "event_unreadable",
        "evt_3": "event_unreadable",
        "evt_4": "none of ours",
        "evt_5": "event_unreadable",
    }


def test_the_sweep_works_off_what_the_site_has_kept(
    post: Post, settings: Settings, redis: Redis
) -> None:
    payout_id = post.pay(lost=True)
    post.bring(post.events_of(payout_id))
    app = make_app(settings)
    app.loader.import_task_module("tasks.webhooks")
    redis.set("bell:webhooks.sweep", 1)
    app.tasks["webhooks.sweep"]()
    app.tasks["webhooks.sweep"]()
    assert post.outcomes().popitem()[1] == "paid"
    assert not redis.exists("bell:webhooks.sweep")
    app.resources.engine.dispose()


def test_old_messages_are_deleted_once_they_are_worked_off(post: Post) -> None:
    payout_id = post.pay()
    post.bring(post.events_of(payout_id))
    with post.purse.unit() as unit, clock.moved(2 * webhooks.KEPT):
        assert webhooks.delete_old(unit.session, clock.now()) == 0
    post.work_off()
    with post.purse.unit() as unit:
        assert webhooks.delete_old(unit.session, clock.now()) == 0
        with clock.moved(2 * webhooks.KEPT):
            assert webhooks.delete_old(unit.session, clock.now()) == 1
