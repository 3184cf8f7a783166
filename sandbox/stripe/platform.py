"""Our own account at Stripe: its balance, the accounts connected to it, and what it moved."""

import uuid
from copy import deepcopy
from pathlib import Path
from typing import Any

from sandbox.clock import SandboxClock
from sandbox.stripe.journal import Journal
from sandbox.stripe.keys import ROOM as KEYS
from sandbox.stripe.keys import Keys
from sandbox.stripe.outbox import Outbox
from sandbox.stripe.shelf import Shelf

API_KEY = "sk_test_sandbox"
API_VERSION = "2026-10-28.endive"
RICH = 10**12
"""Minor units that lie ready in every currency at first."""

_BALANCE = "balance"


class Platform:
    def __init__(self, data: Path | None, clock: SandboxClock, seed: int) -> None:
        self.clock = clock
        self.api_key = API_KEY
        self._journal = Journal(data)
        self.accounts = Shelf("account", self._journal)
        self.transfers = Shelf("transfer", self._journal)
        self.events = Shelf("event", self._journal)
        self.keys = Keys(self._journal, clock)
        self.outbox = Outbox(seed)
        self.links: dict[str, dict[str, Any]] = {}
        """Account links by their token; a restart ends them."""
        self._balance: dict[str, int] = {}
        self._restore()

    def _restore(self) -> None:
        shelves = {one.name: one for one in (self.accounts, self.transfers, self.events)}
        for room, key, value in self._journal.read():
            if room == KEYS:
                self.keys.restore(key, value)
            elif room == _BALANCE:
                self._balance[key] = value
            else:
                shelves[room].restore(key, value)

    def balance(self, currency: str) -> int:
        """Minor units that lie ready."""
        return self._balance.get(currency, RICH)

    def set_balance(self, currency: str, amount: int) -> None:
        self._balance[currency] = amount
        self._journal.write(_BALANCE, currency, amount)

    def balances(self) -> dict[str, int]:
        """Of the currencies that were touched; of the dollar if none was."""
        return self._balance or {"usd": RICH}

    def happened(
        self, kind: str, thing: dict[str, Any], *, account: str | None = None, key: str | None
    ) -> None:
        """Note an event, with the thing as it is now, and tell the listener."""
        event = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.clock.now_s(),
            "data": {"object": thing},
            "livemode": False,
            "pending_webhooks": 1 if self.outbox.manner.url else 0,
            "request": {"id": new_id("req"), "idempotency_key": key},
            "type": kind,
        }
        if account is not None:
            event["account"] = account
        # The thing goes on changing; the event shows it as it was.
        self.events.put(deepcopy(event))
        self.outbox.send(event)


def new_id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:24]}"
