"""`flask --app web payouts reconcile`, against the sandbox's Stripe."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine

from domain import clock
from domain.payouts.rails.stripe import StripeRail
from domain.payouts.rails.stripe_client import make_client
from domain.settings import Settings
from models import PayoutAccount
from models.payout import PayoutStatus
from models.rail import RailName
from sandbox.stripe import accounts, transfers
from sandbox.stripe.platform import API_KEY
from sandbox.world import World
from tasks.paying import Paying
from tests.factories import Factory
from tests.integration.payouts.purse import Purse


@pytest.fixture
def site_settings(site_settings: Settings, sandbox: str) -> Settings:
    """As everywhere, and Stripe is the sandbox's."""
    return site_settings.model_copy(update={"stripe_api_key": API_KEY, "stripe_api_url": sandbox})


def reconcile(app: Flask, *words: str) -> tuple[int, list[str]]:
    """Run the command; return its exit status and its lines."""
    done = app.test_cli_runner().invoke(args=["payouts", "reconcile", *words])
    return done.exit_code, done.output.splitlines()


def test_the_list_is_compared_and_believed_after_a_restore(
    app: Flask, engine: Engine, factory: Factory, world: World, sandbox: str
) -> None:
    purse, today = Purse(engine, factory), clock.now().date()
    account = accounts.make(world.stripe)
    accounts.make_ready(world.stripe, account)
    payout_id, forgotten = purse.distributed([1250, 300], rail=RailName.STRIPE)
    with purse.unit() as unit:
        owner = purse.row(payout_id).person_id
        unit.session.get_one(PayoutAccount, owner).account = account["id"]
        unit.session.delete(unit.session.get_one(PayoutAccount, purse.row(forgotten).person_id))
    Paying(purse.unit, {RailName.STRIPE: StripeRail(make_client(API_KEY, sandbox))}).pay()
    assert reconcile(app) == (
        0,
        [f"stripe {day}: 0 differences" for day in (today - timedelta(days=1), today)],
    )
    made = transfers.make(
        world.stripe,
        key="k",
        amount=300,
        currency="eur",
        destination=account["id"],
        description=None,
        group=None,
        metadata={"payout": str(forgotten), "key": "k"},
    )
    code, lines = reconcile(app, "--since", str(today), "--rail", "stripe")
    assert code == 1
    line = f"  unknown_here  {made['id']}  payout {forgotten}  theirs 3.00 EUR"
    assert lines == [f"stripe {today}: 1 differences", line]
    code, lines = reconcile(app, "--settle")
    assert (code, lines) == (1, ["Error: stripe: Stop payouts first."])
    app.test_cli_runner().invoke(args=["payouts", "stop", "restored"])
    code, lines = reconcile(app, "--settle")
    assert (code, lines[0]) == (0, "stripe: 1 payouts were carried already")
    row = purse.row(forgotten)
    assert (row.status, row.reference) == (PayoutStatus.PAID, made["id"])
    purse.verify()


def test_only_a_rail_with_a_list_is_compared(app: Flask) -> None:
    code, lines = reconcile(app, "--rail", "manual")
    assert (code, lines) == (1, ["Error: manual is off, or keeps no list of its own"])
