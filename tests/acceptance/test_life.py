"""A whole competition in a minute: the processes run on, and the clock is moved under them."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain import clock
from domain.fitness.schedule import AFTERMATH
from domain.fitness.windows import QUARTER, floor_quarter
from tests.acceptance.stack import Stack, rows, running, wait_until

pytestmark = pytest.mark.acceptance

MOVED_CLOCK = Path(__file__).parent / "moved_clock"
PATIENCE_SECONDS = 40
WALKER = "walker-003"


class Clock:
    """The clock of all processes and of the outside world."""

    def __init__(self, offset: Path) -> None:
        self._offset = offset
        self._write(0)

    def _write(self, seconds: float) -> None:
        fresh = self._offset.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.rename(self._offset)

    def move(self, stack: Stack, moment: datetime) -> None:
        """Let it be a certain time; it runs on from there."""
        seconds = (moment - clock.now()).total_seconds()
        stack.control("POST", "/clock", offset_s=seconds)
        self._write(seconds)


@pytest.fixture
def moved(tmp_path: Path) -> Iterator[tuple[Stack, Clock]]:
    """A stack of its own: what its clock does would end the others' competitions."""
    offset = tmp_path / "offset"
    extra = {"PYTHONPATH": str(MOVED_CLOCK), "MOVED_CLOCK": str(offset)}
    time = Clock(offset)
    with running(tmp_path / "stack", extra) as stack:
        yield stack, time


def test_a_competition_from_before_its_start_to_its_final_standing(
    moved: tuple[Stack, Clock],
) -> None:
    stack, time = moved
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
        grace_hours=3,
        review_hours=2,
    )
    path = f"/competitions/{made['id']}"
    app.call("POST", f"{path}/join", expect=200)
    wait_until(lambda: app.board(made["id"])["total"] == 1, "the join on the board")

    def becomes(status: str, moment: datetime) -> None:
        time.move(stack, moment)
        wait_until(lambda: status in told(stack, made["id"]), status, PATIENCE_SECONDS)

    becomes("active", starts_at + timedelta(seconds=1))
    time.move(stack, ends_at - timedelta(minutes=20))
    stack.control("POST", f"/people/{WALKER}/walk", steps=777)
    becomes("closing", ends_at + timedelta(seconds=1))
    time.move(stack, ends_at + AFTERMATH)
    wait_until(lambda: pulled_since(stack, ends_at), "a pull after the end", PATIENCE_SECONDS)
    late = ends_at + timedelta(hours=2, minutes=50)
    time.move(stack, late + timedelta(minutes=5))
    wait_until(lambda: pulled_since(stack, late), "a pull at the last", PATIENCE_SECONDS)
    becomes("provisional", ends_at + timedelta(hours=3, seconds=1))
    becomes("final", ends_at + timedelta(hours=5, seconds=1))

    walked = truth(stack, made)
    time.move(stack, clock.now())  # so that the walker's token holds again
    with app.socket(f"/ws/leaderboard/{made['id']}") as socket:
        assert json.loads(socket.recv(timeout=15))["status"] == "final"
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
