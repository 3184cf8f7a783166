"""What `make run` shows of prizes: promised, ended, won, and paid by the sandbox's Stripe."""

import os
import subprocess
import sys
from typing import Any

import pytest

from sandbox.prize import PRIZE
from sandbox.runner.environment import process_environment
from sandbox.seed import PLANS
from tests.acceptance.stack import ROOT, App, Stack, rows, wait_until

pytestmark = [pytest.mark.acceptance, pytest.mark.soak]

WALKERS = ("walker-461", "walker-462", "walker-463", "walker-464")
"""In no crowd of the other tests."""


def companion(stack: Stack, *command: str) -> subprocess.Popen[bytes]:
    """Start a companion of the runner."""
    environ = process_environment({**os.environ, **stack.environment}, ROOT)
    return subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=environ)


def walk(stack: Stack, name: str, competition_id: str) -> App:
    """Let someone take part with the steps that they have walked."""
    app = stack.sign_in(name)
    app.connect_google()
    app.call("POST", f"/competitions/{competition_id}/join", expect=200)
    sync_id = app.sync()
    wait_until(lambda: app.sync_status(sync_id) == "succeeded", "a sync")
    return app


def test_three_winners_are_paid(stack: Stack) -> None:
    stack.control("POST", "/stripe/webhooks", copies=3, late_ms=500)
    stack.kill("beat")  # who looks before the money is there calls it off
    assert companion(stack, "sandbox.prize").wait(60) == 0
    stack.start("beat")
    organiser = stack.sign_in("walker-001")
    mine = organiser.call("GET", "/competitions?mine=true", expect=200)["items"]
    made = next(one for one in mine if one["name"] == PLANS[0].name)
    assert (made["funded"], made["prize"]) == (True, PRIZE)
    walkers = [walk(stack, name, made["id"]) for name in WALKERS]
    winners = companion(stack, "sandbox.winners", "--after", "0")
    path = f"/prizes/distribution/{made['id']}"

    def done() -> Any:
        found = rows(stack.engine, "SELECT FROM distribution")
        shown = organiser.call("GET", path, expect=200) if found else None
        return shown if shown and shown["status"] == "done" else None

    try:
        distribution = wait_until(done, "payment")
    finally:
        winners.terminate()
    assert winners.wait(10) == 0
    assert [(one["rank"], one["amount"], one["status"]) for one in distribution["items"]] == [
        (1, 60_000, "paid"),
        (2, 30_000, "paid"),
        (3, 10_000, "paid"),
    ]
    board = organiser.board(made["id"])["entries"]
    won = [one["user_id"] for one in distribution["items"]]
    assert won == [one["user_id"] for one in board[:3]]
    moved = stack.control("GET", "/stripe/transfers")["items"]
    assert sorted(one["amount"] for one in moved) == [10_000, 30_000, 60_000]
    best = next(app for app in walkers if app.user_id == won[0])
    (prize,) = best.call("GET", "/prizes/history/me", expect=200)["items"]
    assert (prize["amount"], prize["status"], prize["rail"]) == (60_000, "paid", "stripe")
    wait_until(lambda: told_of(stack) == len(moved), "what Stripe tells of its transfers")


def told_of(stack: Stack) -> int:
    """Count the transfers of which a webhook has told that was worked off."""
    found = rows(
        stack.engine,
        "SELECT FROM webhook_event WHERE kind = 'transfer.created' AND processed_at IS NOT NULL",
    )
    return len(found)
