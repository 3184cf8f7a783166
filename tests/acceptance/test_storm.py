"""A storm of faults: whatever the vendor answers and whoever dies, the books agree after it."""

import random
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.crowd import Crowd
from tests.acceptance.stack import Stack, rows, wait_until

pytestmark = pytest.mark.acceptance

FIT = "/fitness/v1/users/me"
FAULTS = (
    {"path": FIT, "kind": "status", "body": "invalid_credentials", "probability": 0.04},
    {"path": FIT, "kind": "status", "status": 403, "probability": 0.03},
    {"path": FIT, "kind": "status", "status": 429, "retry_after": 1, "probability": 0.05},
    {"path": FIT, "kind": "status", "status": 500, "probability": 0.06},
    {"path": FIT, "kind": "cut", "probability": 0.06},
    {"path": FIT, "kind": "truncate", "probability": 0.06},
    {"path": FIT, "kind": "delay", "delay_ms": 1500, "probability": 0.05},
    {"path": "/token", "kind": "status", "status": 503, "probability": 0.3},
)


def weather(stack: Stack, crowd: Crowd, seconds: float, *, late: timedelta, kills: int = 0) -> None:
    """Let it storm for some time, and until so many processes were killed.

    As soon as the first batch is under way, all join a competition that began `late` ago.
    """
    chance, killed = random.Random(7), 0
    for fault in FAULTS:
        stack.control("POST", "/faults", count=None, **fault)
    end = time.monotonic() + seconds
    while time.monotonic() < end or killed < kills:
        crowd.sync()
        wait_until(lambda: crowd.statuses().get("running", 0) > 0, "a batch under way")
        if crowd.late_id is None:
            crowd.join_late(late)
        if kills:
            name = chance.choice(["worker-sync", "worker-sync", "worker-boards", "beat"])
            stack.kill(name)
            stack.start(name)
            killed += 1
        person, steps = chance.choice(crowd.names), chance.randrange(1, 900)
        stack.control("POST", f"/people/{person}/expire")
        stack.control("POST", f"/people/{person}/walk", steps=steps)
        type_in(stack, chance.choice(crowd.typists), steps)
    stack.control("DELETE", "/faults")


def type_in(stack: Stack, person: str, steps: int) -> None:
    """Let someone type in steps of yesterday, which a pull has long fetched."""
    begin = datetime.now(UTC) - timedelta(days=1)
    walk = {"from": f"{begin:%Y-%m-%dT%TZ}", "to": f"{begin + timedelta(minutes=20):%Y-%m-%dT%TZ}"}
    stack.control("POST", f"/people/{person}/walk", steps=steps, manual=True, **walk)


def check_calm(stack: Stack, crowd: Crowd, seconds: float) -> None:
    """Nobody waits, everybody's last sync succeeded, and every book says the same."""

    def settled() -> bool:
        return not {"queued", "running"} & set(crowd.statuses())

    wait_until(settled, "the storm's syncs to end", seconds)
    ever, left = crowd.owed()
    assert ever > 0
    assert left == 0
    crowd.sync()
    wait_until(settled, "the last syncs to end")
    last = rows(
        stack.engine,
        "SELECT DISTINCT ON (person_id) status FROM sync_request WHERE person_id = ANY(:people)"
        " ORDER BY person_id, requested_at DESC",
        people=list(crowd.people.values()),
    )
    assert {row.status for row in last} == {"succeeded"}
    wait_until(crowd.board_is_right, "the board to be right")
    crowd.check_books(crowd.names)


def test_a_squall(stack: Stack) -> None:
    crowd = Crowd(stack, [f"walker-{number:03}" for number in range(481, 511)])
    weather(stack, crowd, 6, late=timedelta(days=5))
    check_calm(stack, crowd, 120)


@pytest.mark.soak
def test_a_storm(stack: Stack) -> None:
    crowd = Crowd(stack, [f"walker-{number:03}" for number in range(1, 501)])
    weather(stack, crowd, 180, late=timedelta(days=6), kills=20)
    check_calm(stack, crowd, 900)
