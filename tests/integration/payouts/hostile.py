"""A rail with moods, which keeps a list of what it really carried."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain import clock
from domain.errors import Duplicate, Refused, Throttled
from domain.payouts.rails.base import (
    AccountNotReady,
    Listed,
    NotExecuted,
    NotThere,
    Order,
    OutcomeUnknown,
    Sent,
)
from models.rail import RailName

ERRORS: dict[str, Callable[[], Exception]] = {
    "turned away": lambda: NotExecuted("Not reached."),
    "throttled": lambda: Throttled("Too many.", delay=1),
    "lost": lambda: OutcomeUnknown("The answer was lost."),
    "not done": lambda: OutcomeUnknown("The call was lost."),
    "refused": lambda: Refused("No."),
    "not ready": lambda: AccountNotReady("Onboard first."),
    "broken": lambda: RuntimeError("A fault."),
}
DONE_ALL_THE_SAME = {"lost", "broken"}
"""Moods in which the money moves and nobody is told."""


@dataclass
class HostileRail:
    """Carries out what it is told in one of several moods, and remembers keys."""

    mood: Callable[[], str] = lambda: "good"
    settles: bool = True
    name: RailName = RailName.STRIPE
    window: timedelta | None = timedelta(days=1)
    carried: dict[str, tuple[Order, datetime, int]] = field(default_factory=dict)
    """Orders by key, when they were carried out, and what came back since."""
    calls: list[str] = field(default_factory=list)
    """Keys, each time one was sent."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, order: Order) -> Sent:
        """Carry an order out, unless its key was used before."""
        with self.lock:
            self.calls.append(order.key)
            mood = self.mood()
            known = self.carried.get(order.key)
            if known is not None and known[0] != order:
                raise Duplicate("The key was used for something else.")
            if known is None and (mood == "good" or mood in DONE_ALL_THE_SAME):
                self.carried[order.key] = (order, clock.now(), 0)
            if mood != "good":
                error = ERRORS[mood]()
                raise error
            return self._sent(order.key)

    def look_up(self, order: Order) -> Sent | NotThere:
        """Find an order by its payout."""
        with self.lock:
            if self.mood() == "turned away":
                raise NotExecuted("Not reached.")
            return self._sent(order.key) if order.key in self.carried else NotThere()

    def transfers(self, since: datetime, until: datetime) -> Iterator[Listed]:
        """Yield what was carried."""
        with self.lock:
            listed = [
                Listed(f"tr_{key}", o.payout, o.amount, o.currency, o.destination, at, back)
                for key, (o, at, back) in self.carried.items()
            ]
        listed.sort(key=lambda one: one.made_at, reverse=True)
        return (one for one in listed if since <= one.made_at < until)

    def give_back(self, key: str) -> None:
        """Return an order."""
        with self.lock:
            order, at, _ = self.carried[key]
            self.carried[key] = (order, at, order.amount)

    def misremember(self, key: str, amount: int) -> None:
        """Have carried another amount than it was told."""
        order, at, back = self.carried[key]
        self.carried[key] = (replace(order, amount=amount), at, back)

    def _sent(self, key: str) -> Sent:
        return Sent(f"tr_{key}", settled=self.settles, returned=self.carried[key][2])
