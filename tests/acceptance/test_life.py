"""A whole competition in a minute: the processes run on, and the clock is moved under them."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain import clock
from domain.fitness.schedule import AFTERMATH
from domain.fitness.windows import QUARTER, floor_quarter
from tests.acceptance.stack import Stack, rows, wait_until

pytestmark = pytest.mark.acceptance

WALKER = "walker-441"
"""In no crowd of the other tests: what this one writes lies hours ahead of them."""
ALL_IS_IN = timedelta(hours=5, minutes=50)
"""After an end: the sandbox's devices send nothing later than 5.2 hours after it was walked."""


def test_a_competition_from_before_its_start_to_its_final_standing(moved: Stack) -> None:
    stack = moved
    app = stack.sign_in(WALKER)
    app.connect_google()
    starts_at = floor_quarter(clock.now() + timedelta(minutes=1)) + QUARTER
    ends_at = starts_at + timedelta(hours=1)
    made = app.call(
        "POST",
        "/competitions",
        expect=201,
        name="An hour",
        metric="steps",
        starts_at=f"{starts_at:%Y-%m-%dT%H:%M:%SZ}",
        ends_at=f"{ends_at:%Y-%m-%dT%H:%M:%SZ}",
        timezone="Asia/Kathmandu",
        visibility="public",
        grace_hours=6,
        review_hours=2,
    )
    path = f"/competitions/{made['id']}"
    app.call("POST", f"{path}/join", expect=200)
    wait_until(lambda: app.board(made["id"])["total"] == 1, "the join on the board")

    def becomes(status: str, moment: datetime) -> None:
        stack.move_clock(moment)
        wait_until(lambda: status in told(stack, made["id"]), status)

    becomes("active", starts_at + timedelta(seconds=1))
    stack.move_clock(ends_at - timedelta(minutes=20))
    stack.control("POST", f"/people/{WALKER}/walk", steps=777)
    becomes("closing", ends_at + timedelta(seconds=1))
    stack.move_clock(ends_at + AFTERMATH)
    wait_until(lambda: pulled_since(stack, ends_at), "a pull after the end")
    late = ends_at + ALL_IS_IN
    stack.move_clock(late + timedelta(minutes=5))
    wait_until(lambda: pulled_since(stack, late), "a pull at the last")
    becomes("provisional", ends_at + timedelta(hours=6, seconds=1))
    becomes("final", ends_at + timedelta(hours=8, seconds=1))

    walked = truth(stack, made)
    stack.move_clock(clock.now())  # so that the walker's token holds again
    with app.socket(f"/ws/leaderboard/{made['id']}") as socket:
        assert json.loads(socket.recv(timeout=60))["status"] == "final"
    assert told(stack, made["id"]) == ["active", "closing", "provisional", "final"]
    standing = app.call("GET", f"{path}/standing", expect=200)
    (line,) = standing["items"]
    assert (line["rank"], line["user_id"]) == (1, app.user_id)
    assert line["score"] >= 777
    assert line["score"] == app.board(made["id"])["entries"][0]["score"] == walked
    steps = app.call("GET", f"{path}/history", expect=200)["items"]
    assert [(one["after"], one["by"]) for one in steps] == [
        (status, "clock") for status in ("active", "closing", "provisional", "final")
    ]


def told(stack: Stack, competition_id: str) -> list[str]:
    """Return the statuses that the board's watchers were told, from its stream."""
    entries: Any = stack.redis.xrange(f"board:{{{competition_id}}}:stream")
    return [fields[b"status"].decode() for _, fields in entries if b"status" in fields]


def pulled_since(stack: Stack, moment: datetime) -> bool:
    """Say whether a pull that nobody asked for came through since then."""
    found = rows(
        stack.engine,
        "SELECT FROM sync_request WHERE reason = 'scheduled' AND status = 'succeeded'"
        " AND finished_at >= :moment",
        moment=moment,
    )
    return bool(found)


def truth(stack: Stack, competition: Any) -> int:
    """What the sandbox says that the walker walked, in whole steps."""
    window = f"from={competition['starts_at']}&to={competition['ends_at']}"
    walked = stack.control("GET", f"/people/{WALKER}/truth?{window}")
    return int(sum(walked["measured"]["steps"])) // 1000
