"""Competitions that end one after another, and whose winners Stripe pays meanwhile."""

import threading
from collections import Counter
from math import inf

from sqlalchemy.orm import Session

from domain import clock
from models import PayoutAccount
from models.payout import PayoutStatus
from models.rail import RailName
from tests.acceptance.stack import Stack, rows
from tests.factories import Factory
from tests.integration.payouts.purse import Purse

AMOUNTS = (500, 300, 200, 100, 50)
OVER = {PayoutStatus.PAID, PayoutStatus.ACCEPTED}


class Winners:
    """Distributes one prize after another until told to stop, or `most` payouts are made."""

    def __init__(self, stack: Stack, every_s: float, most: float = inf) -> None:
        self.payouts: list[str] = []
        self.most = most
        self._stack = stack
        self._every_s = every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._win)
        stack.control("POST", "/stripe/balance", currency="eur", amount=10**9)

    def __enter__(self) -> "Winners":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _win(self) -> None:
        with Session(self._stack.engine, expire_on_commit=False) as session:
            purse = Purse(self._stack.engine, Factory(session))
            while len(self.payouts) < self.most:
                made = purse.won(AMOUNTS, rail=None)
                session.add_all(self._account(person.id) for person in made.people)
                session.commit()
                self.payouts += map(str, purse.distribute(made.competition.id))
                if self._over.wait(self._every_s):
                    return

    def _account(self, person_id: int) -> PayoutAccount:
        account = self._stack.control("POST", "/stripe/accounts", ready=True)["id"]
        return PayoutAccount(
            person_id=person_id,
            rail=RailName.STRIPE,
            account=account,
            ready=True,
            updated_at=clock.now(),
        )

    def statuses(self) -> Counter[str]:
        """Count the payouts by status."""
        found = rows(
            self._stack.engine,
            "SELECT status FROM payout WHERE id = ANY(CAST(:ids AS uuid[]))",
            ids=self.payouts,
        )
        return Counter(row.status for row in found)

    def all_paid(self) -> bool:
        """Say whether all have their money."""
        return set(self.statuses()) <= OVER

    def transfers(self) -> Counter[str]:
        """Count what Stripe moved, by payout."""
        moved = self._stack.control("GET", "/stripe/transfers")["items"]
        mine = set(self.payouts)
        found = (one["metadata"].get("payout", "") for one in moved)
        return Counter(payout for payout in found if payout in mine)
