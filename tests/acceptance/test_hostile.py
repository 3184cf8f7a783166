"""Two thousand payouts while everything fails: each winner is paid once, and all books agree."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from domain import clock
from domain.ledger.accounts import Account
from domain.ledger.balances import balance
from domain.ledger.verify import verify
from models.rail import RailName
from sandbox.runner.environment import process_environment
from tests.acceptance.stack import ROOT, Stack, rows, running, wait_until
from tests.acceptance.winners import Winners
from worker.unit import unit_of_work

pytestmark = [pytest.mark.acceptance, pytest.mark.soak]

PAYOUTS = 2_000
KILLS = 100
SEED = 2_000
TRANSFERS = "/v1/transfers"
FAULTS = (
    {"kind": "lose", "probability": 0.08},
    {"kind": "stumble", "probability": 0.08},
    {"kind": "truncate", "probability": 0.04},
    {"kind": "cut", "probability": 0.08},
    {"kind": "status", "probability": 0.05},
    {"kind": "status", "status": 429, "probability": 0.03},
    {"kind": "delay", "delay_ms": 12_000, "probability": 0.004},
    {"kind": "delay", "delay_ms": 150, "probability": 0.6},
)
"""Of calls of Stripe's transfers: done and unanswered, done and an error answered, half answered,
not done, refused at the door; answered when nobody waits any more; slow."""
OURS = "podium"
"""The program's connections bear it, so that the test's own are left alone."""
CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = :ours ORDER BY random() LIMIT 2
"""
BEGUN = "SELECT count(*) FROM payout_step WHERE action IN ('claim', 'resend')"
STRIKES = ("worker-money", "worker-money", "beat", "connections", "connections")
LEAP = timedelta(minutes=10)
"""Leases end, and what was put off is due."""


class Assault:
    """Kills one thing after another."""

    def __init__(self, stack: Stack) -> None:
        self.kills: Counter[str] = Counter()
        self._stack = stack
        self._dice = random.Random(SEED)
        self._moved = timedelta(0)
        self._begun = 0

    def strike(self) -> None:
        """Kill something as soon as payouts are on their way, and start it again."""
        self._wait_for_work()
        time.sleep(self._dice.uniform(0, 0.7))  # so that each blow falls at another moment
        target = self._dice.choice(STRIKES)
        if target == "connections":
            self.kills[target] += len(rows(self._stack.engine, CUT, ours=OURS))
            return
        self._stack.kill(target)
        self._stack.start(target)
        self.kills[target] += 1

    def leap(self) -> None:
        """Let some minutes have passed."""
        self._moved += LEAP
        self._stack.move_clock(clock.now() + self._moved)

    @property
    def blows(self) -> int:
        """How many processes and connections were killed."""
        return self.kills.total()

    def _wait_for_work(self) -> None:
        """Wait until more is being sent; after a while let time pass for what waits."""
        until = time.monotonic() + 6
        while time.monotonic() < until:
            (row,) = rows(self._stack.engine, BEGUN)
            if row.count > self._begun:
                self._begun = row.count
                return
            time.sleep(0.05)
        self.leap()


def test_every_winner_is_paid_once(tmp_path: Path) -> None:
    with running(tmp_path, PGAPPNAME=OURS, MONEY_CONCURRENCY="2") as stack:
        for fault in FAULTS:
            stack.control("POST", "/faults", path=TRANSFERS, count=None, **fault)
        stack.control("POST", "/stripe/webhooks", copies=2, late_ms=8_000)
        assault, began = Assault(stack), time.monotonic()
        with Winners(stack, 0.25, most=PAYOUTS) as winners:
            while assault.blows < KILLS or len(winners.payouts) < PAYOUTS:
                assault.strike()
        stack.control("DELETE", "/faults")
        stack.control("POST", "/stripe/webhooks/again")
        wait_until(lambda: is_over(assault, winners), "every prize", 600)
        lasted, statuses, calls = time.monotonic() - began, winners.statuses(), counted(stack)
        print(
            f"\n{lasted:.0f} s, {assault.blows} killed: {dict(assault.kills)};"
            f" {len(winners.payouts)} payouts, {dict(statuses)};"
            f" {winners.transfers().total()} transfers; calls {calls}"
        )
        check_books(stack, winners)


def is_over(assault: Assault, winners: Winners) -> bool:
    """Say whether all are paid; if not, let time pass for what waits."""
    if winners.all_paid():
        return True
    assault.leap()
    time.sleep(2)
    return False


def counted(stack: Stack) -> dict[str, int]:
    """Return steps of payouts by action."""
    found = rows(stack.engine, "SELECT action, count(*) FROM payout_step GROUP BY action")
    return {row.action: row.count for row in found}


def check_books(stack: Stack, winners: Winners) -> None:
    """Compare the rail's list, the payouts and the ledger."""
    assert winners.statuses() == {"paid": len(winners.payouts)}
    assert len(winners.payouts) >= PAYOUTS
    assert winners.transfers() == dict.fromkeys(winners.payouts, 1)
    moved = stack.control("GET", "/stripe/transfers")["items"]
    found = rows(stack.engine, "SELECT id, amount, destination, reference FROM payout")
    assert {
        (one["metadata"]["payout"], one["amount"], one["destination"], one["id"]) for one in moved
    } == {(str(row.id), row.amount, row.destination, row.reference) for row in found}
    with unit_of_work(stack.engine) as unit:
        assert verify(unit.session).findings == []
    with unit_of_work(stack.engine) as unit:
        in_books = balance(unit.session, Account.paid("EUR", RailName.STRIPE))
    assert in_books == sum(one["amount"] for one in moved)
    environ = process_environment({**os.environ, **stack.environment}, ROOT)
    command = [sys.executable, "-m", "flask", "--app", "web", "payouts", "reconcile"]
    subprocess.run([*command, "--rail", "stripe"], cwd=ROOT, env=environ, check=True)
