"""What the processes of the site count. Each has files of its own; who is asked adds them up.

Gunicorn's settings name the folder before this is imported; without one a process counts alone.
"""

import os
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import Engine, event

FOLDER = "PROMETHEUS_MULTIPROC_DIR"

own = CollectorRegistry()

REQUESTS = Histogram(
    "podium_request_seconds",
    "Time from a request to its answer.",
    ("method", "route", "status"),
    registry=own,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)


@cache
def requests(method: str, route: str, status: int) -> Histogram:
    """Return the counts of one kind of answer; there are as many kinds as routes can give."""
    return REQUESTS.labels(method, route, status)


CONNECTIONS = Gauge(
    "podium_live_connections",
    "Live connections that are open.",
    registry=own,
    multiprocess_mode="livesum",
)
FRAMES = Counter("podium_live_frames", "Frames of boards handed to live connections.", registry=own)
CLOSES = Counter(
    "podium_live_closes",
    "Live connections that we ended, by close code.",
    ("code",),
    registry=own,
)
POOL_IN_USE = Gauge(
    "podium_pool_in_use",
    "Connections to PostgreSQL that the site's requests hold.",
    registry=own,
    multiprocess_mode="livesum",
)
POOL_SIZE = Gauge(
    "podium_pool_size",
    "Connections that the site's processes may hold.",
    registry=own,
    multiprocess_mode="livesum",
)


def watch_pool(engine: Engine, most: int) -> None:
    """Tell how many of an engine's `most` connections are in use."""
    pool = engine.pool
    POOL_SIZE.set(most)

    def told(in_use: int) -> None:
        POOL_IN_USE.set(max(0, in_use))

    # The pool counts a connection as in use until it is back.
    event.listen(pool, "checkout", lambda *_: told(pool.checkedout()))  # type: ignore[attr-defined]  # a QueuePool
    event.listen(pool, "checkin", lambda *_: told(pool.checkedout() - 1))  # type: ignore[attr-defined]  # a QueuePool


def everyones() -> CollectorRegistry:
    """Return what all processes of this machine's site have counted."""
    if FOLDER not in os.environ:
        return own
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # no types
    return registry
