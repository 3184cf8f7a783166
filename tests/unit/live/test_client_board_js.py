"""The JavaScript client's board keeps to the same rule; run by Node."""

import json
import random
from typing import Any

from clients import js
from domain.live import composing
from domain.live.folding import Changes, fold
from tests.unit.live.client import Client
from tests.unit.live.node import run_js
from tests.unit.live.test_folding import COMPETITION, EPOCH, Server, rows_of


def run(messages: list[Any]) -> dict[str, Any]:
    """Let the board take messages, and return what it holds."""
    script = f"""
        const board = new client.Board();
        const taken = {json.dumps(messages)}.map((message) => board.take(message));
        const rows = board.entries.map((row) => [row.rank, row.user_id, row.score]);
        const result = {{ taken, rows, total: board.total, status: board.status,
            offset: board.offset, me: board.me, resume: board.resume }};
    """
    answer: dict[str, Any] = run_js(js.FOLDER / "board.js", "client", script)
    return answer


def test_it_ends_with_the_servers_top() -> None:
    rng = random.Random(3)
    server = Server({f"{n:04d}": rng.randrange(5) for n in range(120)})
    messages: list[Any] = [{**composing.snapshot(COMPETITION, server.page(), {}), "me": None}]
    pending = Changes.after(server.offset, len(server.scores))
    for _ in range(60):
        read = len(server.entries)
        ids = rng.sample(range(130), 5)
        server.flush(
            {f"{n:04d}": rng.choice([None, 0, 1, 2, 3, 4]) for n in ids},
            rng.choice(["active", "active", "active", "closing"]),
        )
        steps, pending = fold(pending, server.entries[read:])
        for step in [*steps, pending]:
            if isinstance(step, Changes):
                messages.append(composing.update(EPOCH, step, {}))
            else:
                messages.append(composing.status(EPOCH, step))
        pending = Changes.after(pending.offset, pending.total)
    client = Client()
    for message in messages:
        client.take(message)
    board = run(messages)
    assert "gap" not in board["taken"]
    assert [tuple(row) for row in board["rows"]] == rows_of(server.page()) == client.rows()
    assert (board["total"], board["status"]) == (len(server.scores), server.status)


def test_what_is_old_is_ignored_and_a_gap_is_seen() -> None:
    server = Server({"a": 3, "b": 3, "c": 1})
    snapshot = {**composing.snapshot(COMPETITION, server.page(), {}), "me": None}
    update = {
        "type": "update",
        "epoch": EPOCH,
        "total": 3,
        "entries": [{"user_id": "c", "display_name": "", "score": 9}],
        "removed": [],
    }
    board = run(
        [
            snapshot,
            {**update, "base": 5, "offset": 7},
            {**update, "base": 8, "offset": 9},
            {**update, "base": 7, "offset": 8, "epoch": "other"},
            {**update, "base": 6, "offset": 8},
            {"type": "me", "rank": None, "score": None, "next": None},
            {"type": "pong"},
        ]
    )
    assert board["taken"] == ["snapshot", "old", "gap", "gap", "update", "me", "old"]
    assert board["rows"] == [[1, "c", 9], [2, "a", 3], [2, "b", 3]]
    assert board["resume"] == f"epoch={EPOCH}&offset=8"
