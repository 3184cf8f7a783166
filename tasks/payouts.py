"""Jobs of the payouts queue."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from domain import clock
from domain.locks import alone_at
from domain.payouts import asking, claims, distributing
from domain.payouts.rails.registry import open_rails
from domain.payouts.rails.stripe_accounts import open_accounts
from tasks.account_looks import AccountLooks
from tasks.paying import Paying
from tasks.reconciling import Reconciling
from worker.task import PodiumTask, task

PAY = "payouts.pay"
ASK = "payouts.ask"
RECONCILE = "payouts.reconcile"
LOOKS = 100
"""At accounts, in one run."""
LONGEST_SECONDS = 60.0
"""A job with more to do hands over to a fresh one, so that other jobs get their turn."""


@task(PAY)
def pay(self: PodiumTask) -> None:
    """Make what payouts are lacking, and send those that are due."""
    self.doorbell.take_off(PAY)
    end = time.monotonic() + LONGEST_SECONDS
    with _paying(self) as paying:
        while paying.lay_out() | paying.pay():
            if time.monotonic() > end:
                self.doorbell.ring(PAY)
                return


@task(ASK)
def ask(self: PodiumTask) -> None:
    """Ask rails about payouts of which nobody knows what became."""
    self.doorbell.take_off(ASK)
    end = time.monotonic() + LONGEST_SECONDS
    with _paying(self) as paying:
        while paying.ask():
            if time.monotonic() > end:
                self.doorbell.ring(ASK)
                return


@task("payouts.sweep")
def sweep(self: PodiumTask) -> None:
    """Look after what lies about, and wake whoever has something to do."""
    end = time.monotonic() + LONGEST_SECONDS
    with _paying(self) as paying:
        while paying.look_after() and time.monotonic() < end:
            pass
    with self.unit() as unit:
        due = claims.any_due(unit.session, clock.now())
        due = due or bool(distributing.unfinished(unit.session, 1))
        unknown = asking.any_due(unit.session, clock.now())
    for name, wanted in ((PAY, due), (ASK, unknown)):
        if wanted:
            self.doorbell.ring(name)


@task(RECONCILE)
def reconcile(self: PodiumTask) -> None:
    """Hold rails' own lists of the days that are over against our payouts."""
    self.doorbell.take_off(RECONCILE)
    with alone_at(self.engine, RECONCILE) as alone:
        if alone:
            reconciling = Reconciling(self.unit, open_rails(self.resources.settings))
            if reconciling.catch_up(time.monotonic() + LONGEST_SECONDS):
                self.doorbell.ring(RECONCILE)


@task("payouts.look_at_accounts")
def look_at_accounts(self: PodiumTask) -> None:
    """Ask about accounts that payouts wait for, should a vendor's message have been lost."""
    looks = AccountLooks(self.unit, open_accounts(self.resources.settings))
    looks.look_at_unheard(LOOKS)


@contextmanager
def _paying(self: PodiumTask) -> Iterator[Paying]:
    """Give a run its rails, and count its calls of them however it ends."""
    paying = Paying(self.unit, open_rails(self.resources.settings))
    try:
        yield paying
    finally:
        for (rail, said), number in paying.calls.items():
            self.tally("rail_calls", rail, said, amount=number)
