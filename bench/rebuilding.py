"""A rebuild in a process of its own, to see how much memory it takes."""

import time
import uuid
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from bench.stage import Stage
from domain.database import make_engine
from domain.leaderboards.store import BoardStore
from domain.redis import make_redis
from tasks.mending import rebuild_board
from worker.unit import unit_of_work

STATUS = Path("/proc/self/status")


class Rebuilt(NamedTuple):
    """How long it took, and the most memory that the process ever had."""

    seconds: float
    megabytes: float


def rebuild_apart(on: Stage, competition_id: uuid.UUID) -> Rebuilt:
    """Rebuild a board as the worker does."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        urls = on.environment["DATABASE_URL"], on.environment["REDIS_URL"]
        return pool.submit(_rebuild, *urls, competition_id).result()


def _rebuild(database_url: str, redis_url: str, competition_id: uuid.UUID) -> Rebuilt:
    engine = make_engine(database_url, pool_size=1)
    store = BoardStore(make_redis(redis_url))
    begun = time.perf_counter()
    if not rebuild_board(partial(unit_of_work, engine), store, competition_id, force=True):
        raise RuntimeError("the board was not rebuilt")
    seconds = time.perf_counter() - begun
    return Rebuilt(seconds, _most_megabytes())


def _most_megabytes() -> float:
    """Return the peak of this program alone; `ru_maxrss` remembers the process that started it."""
    (peak,) = (line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024
