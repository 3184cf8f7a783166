"""All that can go wrong at once: every winner is paid once, and the books say the same."""

import random
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from domain import clock
from domain.ledger.accounts import Account
from domain.ledger.balances import balance
from domain.payouts.asking import LONGEST
from domain.payouts.notices import Notice, hear
from domain.payouts.rails.base import Sent
from models.rail import RailName
from tests.dying import died
from tests.integration.payouts.hostile import HostileRail
from tests.integration.payouts.mortal import begin
from tests.integration.payouts.purse import Purse
from tests.integration.payouts.remote import RemoteRail, serving

MOODS = ["good", "good", "good", "lost", "not done", "turned away"]
SEED = 7
SOAKED = [pytest.param(seed, 12, marks=pytest.mark.soak) for seed in range(SEED)]
AMOUNTS = range(100, 124)
NEVER = 10**9
ROUND = timedelta(minutes=30)
"""Longer than a lease, and soon as long as anybody waits to ask again."""
PATIENCE_SECONDS = 2
CUT = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' AND datname = current_database()"
    " AND backend_start > :since AND pid <> pg_backend_pid()"
)


class Hour:
    """Rounds of workers that are killed, of connections that are cut, and of tales of the rail."""

    def __init__(self, purse: Purse, rail: HostileRail, seed: int) -> None:
        self.dice = random.Random(seed)
        self.purse, self.rail = purse, rail
        self.kills = self.cuts = 0
        rail.mood = lambda: self.dice.choice(MOODS)

    def work(self, address: str) -> None:
        """Let workers work beside each other until each was killed, or nothing is due."""
        began = datetime.now(UTC)
        children = [begin(self.purse.url, address, self.dice.randrange(5, 150)) for _ in range(2)]
        if self.dice.random() < 0.5:
            self.cut(began)
        self.tell()
        self.kills += sum(died(one) for one in children)

    def cut(self, since: datetime) -> None:
        """Cut the connections of workers as soon as there are some."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            # Each look in a transaction of its own: within one it shows what the first one saw.
            with self.purse.engine.connect() as connection:
                if cut := connection.execute(CUT, {"since": since}).all():
                    self.cuts += len(cut)
                    return

    def tell(self) -> None:
        """Tell of some orders, old and new, each of them twice and in any order."""
        known = list(self.rail.carried.items())
        for key, (order, _, _) in self.dice.choices(known, k=len(known)):
            notice = Notice(key, Sent(f"tr_{key}", settled=True))
            with self.purse.unit() as unit:
                hear(unit.session, {order.payout: notice}, clock.now())


@pytest.mark.parametrize(("seed", "rounds"), [(SEED, 3), *SOAKED])
def test_every_winner_is_paid_once(purse: Purse, seed: int, rounds: int) -> None:
    rail, began = HostileRail(), clock.now()
    hour = Hour(purse, rail, seed)
    ids = purse.distributed(AMOUNTS, rail=RailName.STRIPE)
    with serving(rail) as address:
        for number in range(rounds):
            with clock.moved(number * ROUND):
                hour.work(address)
        rail.mood = lambda: "good"
        with clock.moved(rounds * ROUND + LONGEST):
            assert not died(begin(purse.url, address, NEVER))
            listed = list(RemoteRail(address).transfers(began, clock.now() + ROUND))
    assert set(purse.counts()) == {"paid"}
    assert hour.kills + hour.cuts > rounds
    paid = sorted((one.payout, one.amount) for one in listed if one.payout is not None)
    assert paid == list(zip(ids, AMOUNTS, strict=True))
    with purse.unit() as unit:
        in_books = balance(unit.session, Account.paid("EUR", RailName.STRIPE))
    assert in_books == sum(AMOUNTS)
    purse.verify()
