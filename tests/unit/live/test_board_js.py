"""The page's board keeps to the same rule; run by Node where there is one."""

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from domain.live import composing
from domain.live.folding import Changes, fold
from tests.unit.live.client import Client
from tests.unit.live.test_folding import COMPETITION, EPOCH, Server, rows_of

BOARD = Path(__file__).parents[3] / "web" / "static" / "board.js"
NODE = shutil.which("node")

needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")


def run(messages: list[Any]) -> dict[str, Any]:
    """Let the page's board take messages, and return what it holds."""
    script = f"""
        import {{ Board }} from {json.dumps(BOARD.as_uri())};
        const board = new Board();
        const taken = {json.dumps(messages)}.map((message) => board.take(message));
        const rows = board.rows().map((row) => [row.rank, row.user_id, row.score]);
        console.log(JSON.stringify({{ taken, rows, total: board.total, status: board.status,
            offset: board.offset, me: board.me, resume: String(board.resume) }}));
    """
    assert NODE is not None
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@needs_node
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


@needs_node
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
    assert board["taken"] == ["changed", "old", "gap", "gap", "changed", "changed", "old"]
    assert board["rows"] == [[1, "c", 9], [2, "a", 3], [2, "b", 3]]
    assert board["resume"] == f"epoch={EPOCH}&offset=8"
