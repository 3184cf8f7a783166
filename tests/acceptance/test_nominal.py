"""The main job: a sync moves a live leaderboard, and every book says the same number."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from domain.fitness.windows import floor_quarter
from tests.acceptance.stack import App, Stack, rows, wait_until

pytestmark = pytest.mark.acceptance


def competition(app: App, **changes: Any) -> str:
    """Create a competition in steps that began two days ago; return its id."""
    now = floor_quarter(datetime.now(UTC))
    made = app.call(
        "POST",
        "/competitions",
        expect=201,
        **{
            "name": "Two days of steps",
            "metric": "steps",
            "starts_at": f"{now - timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}",
            "ends_at": f"{now + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}",
            "timezone": "Europe/Paris",
            "visibility": "public",
            **changes,
        },
    )
    return str(made["id"])


def until(socket: ClientConnection, kind: str) -> Any:
    """Receive until a message of this kind comes."""
    while True:
        message = json.loads(socket.recv(timeout=60))
        if message["type"] == kind:
            return message


def walked(stack: Stack, name: str, start: str, end: str) -> int:
    """What the sandbox says that someone walked, in whole steps."""
    truth = stack.control("GET", f"/people/{name}/truth?from={start}&to={end}")
    return int(sum(truth["measured"]["steps"])) // 1000


def test_a_sync_moves_a_live_leaderboard(stack: Stack) -> None:
    app = stack.sign_in("walker-001")
    app.connect_google()
    competition_id = competition(app)
    app.call("POST", f"/competitions/{competition_id}/join", expect=200)
    wait_until(lambda: app.board(competition_id)["total"] == 1, "the join on the board")

    with app.socket(f"/ws/leaderboard/{competition_id}") as board, app.socket("/ws/fitness") as own:
        (before,) = until(board, "snapshot")["entries"]
        stack.control("POST", "/people/walker-001/walk", steps=777)
        sync_id = app.sync()
        # The join, and pulls that nobody asked for, may move the board before.
        while (row := until(board, "update")["entries"][0])["score"] < before["score"] + 777:
            pass
        while (me := until(board, "me"))["score"] < row["score"]:
            pass
        while (told := until(own, "sync"))["status"] != "succeeded":
            assert told["sync_id"] == sync_id

    page = app.board(competition_id)
    shown = app.call("GET", f"/competitions/{competition_id}", expect=200)
    (stored,) = rows(
        stack.engine,
        "SELECT score FROM participant WHERE competition_id = :id",
        id=competition_id,
    )
    truth = walked(stack, "walker-001", shown["starts_at"], shown["ends_at"])
    assert truth > 0
    assert row["user_id"] == app.user_id
    assert row["score"] == me["score"] == page["entries"][0]["score"] == stored.score
    assert (page["me"]["rank"], page["me"]["score"]) == (1, stored.score)
    # The sandbox's people never stop: what arrived since the sync may have added a little.
    later = app.sync()
    wait_until(lambda: app.sync_status(later) == "succeeded", "the second sync")
    wait_until(
        lambda: (
            app.board(competition_id)["me"]["score"]
            in range(truth, walked(stack, "walker-001", shown["starts_at"], shown["ends_at"]) + 1)
        ),
        "the board to show what the sandbox says",
    )


def test_typed_steps_do_not_count_where_only_measured_ones_do(stack: Stack) -> None:
    app = stack.sign_in("walker-002")
    app.connect_google()
    measured = competition(app)
    everything = competition(app, sources="all")
    for competition_id in (measured, everything):
        app.call("POST", f"/competitions/{competition_id}/join", expect=200)
    stack.control("POST", "/people/walker-002/walk", steps=50_000, minutes=600, manual=True)
    sync_id = app.sync()
    wait_until(lambda: app.sync_status(sync_id) == "succeeded", "the sync")

    def score(competition_id: str) -> int:
        return int(app.board(competition_id)["me"]["score"])

    wait_until(lambda: score(everything) >= score(measured) + 50_000, "the typed steps")
