"""From the commit of a sync to the frame at every watcher, and what else that costs."""

import json
import uuid
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

from bench.company import Sync, sync, visit
from bench.stage import Stage
from bench.watchers import Watchers

SYNCS_PER_SECOND, SECONDS = 50, 30.0
VISITS_PER_SECOND = 10
AFTER_SECONDS = 2.0
"""Until what was committed last is surely there."""


class Followed(NamedTuple):
    """What the watchers saw, in seconds."""

    delays: list[float]
    """Of every sync that showed in the top 100, at every watcher."""
    syncs: int
    """How many showed."""
    pages: list[float]
    per_minute: float
    """Bytes that one watcher received."""
    whole_per_minute: float
    """Bytes of the whole top 100 as often as there was an update."""
    busy: float


class _Arrivals:
    """When each update was where."""

    def __init__(self) -> None:
        self.times: dict[bytes, list[float]] = defaultdict(list)

    def hear(self, message: bytes, at: float) -> None:
        """Take a message."""
        if message.startswith(b'{"type":"update"'):
            self.times[message].append(at)


def follow(
    on: Stage,
    port: int,
    board: uuid.UUID,
    people: Sequence[str],
    bearers: Sequence[str],
    watchers: Watchers,
    snapshot: int,
) -> Followed:
    """Let people sync, half of them of the top 100; `snapshot` is the size of its frame."""
    arrivals = _Arrivals()
    path = f"/api/v1/leaderboard/{board}"
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        syncing = pool.submit(sync, dict(on.environment), board, people, SYNCS_PER_SECOND, SECONDS)
        visiting = pool.submit(visit, port, path, bearers, VISITS_PER_SECOND, SECONDS)
        before = watchers.received
        while not (syncing.done() and visiting.done()):
            watchers.pump(0.5, arrivals.hear)
        busy = watchers.busy
        watchers.pump(AFTER_SECONDS, arrivals.hear)
        received = watchers.received - before
        delays, shown = _delays(syncing.result(), arrivals)
    minute = 60 / SECONDS
    return Followed(
        delays,
        shown,
        visiting.result(),
        received / len(watchers) * minute,
        len(arrivals.times) * snapshot * minute,
        busy,
    )


def _delays(committed: Sequence[Sync], arrivals: _Arrivals) -> tuple[list[float], int]:
    """Match the committed scores with the updates that have them.

    What no update has was outside the top 100, or older than another sync of the same 250 ms.
    """
    seen: dict[tuple[str, int], list[float]] = {}
    for message, times in arrivals.times.items():
        for row in json.loads(message)["entries"]:
            seen.setdefault((row["user_id"], row["score"]), times)
    shown = [one for one in committed if (one.user_id, one.score) in seen]
    delays = [at - one.at for one in shown for at in seen[one.user_id, one.score]]
    return delays, len(shown)
