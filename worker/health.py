"""`python -m worker.health NAME QUEUE...`: is the worker NAME of this host alive?

It is when it did something lately, or had nothing to do. Whether what it did ended well is not
asked: a restart would not bring a lost database back. `NAME` is what stands before the `@` in the
worker's own name; `beat` needs no queues. The exit status is 1 for no, with a line that says why.
"""

import os
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from celery import Celery
from kombu import Connection, Queue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from domain.redis import Redis, make_redis
from domain.settings import Settings, load_or_exit
from worker.broker import transport_options
from worker.queues import BEAT_MARK, WORKER_MARK

BEAT_SECONDS = 30
SILENT_SECONDS = 120
"""Longer than a task takes that hands over when it has worked for a minute."""


@dataclass(frozen=True)
class Verdict:
    """Whether it is alive, and how that shows."""

    alive: bool
    why: str


def beat_is_alive(redis: Redis) -> Verdict:
    """Look whether any beat has kept the schedule lately. Raises RedisError."""
    age = age_of(redis, BEAT_MARK)
    if age is None:
        return Verdict(alive=False, why="no beat has looked at the schedule yet")
    return Verdict(age < BEAT_SECONDS, f"a beat looked at the schedule {age:.0f} s ago")


def worker_is_alive(redis: Redis, broker: Celery, node: str, queues: Sequence[str]) -> Verdict:
    """Look at a worker's own mark, and when it is old at its queues.

    Raises RedisError and kombu's OperationalError.
    """
    age = age_of(redis, f"{WORKER_MARK}{node}")
    if age is not None and age < SILENT_SECONDS:
        return Verdict(alive=True, why=f"ended a task {age:.0f} s ago")
    waiting = waiting_in(broker, queues)
    if not waiting:
        return Verdict(alive=True, why="nothing waits in its queues")
    silent = "has ended no task yet" if age is None else f"ended its last task {age:.0f} s ago"
    return Verdict(alive=False, why=f"{silent}, and {waiting} messages wait")


def waiting_in(broker: Celery, queues: Sequence[str]) -> int:
    """Return how many messages wait. Raises OperationalError without a broker."""
    with broker.connection_for_read() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0)
        return sum(_length(connection, one) for one in queues)


def _length(connection: Connection, queue: str) -> int:
    # Not passively: kombu 5.7.0 then looks for the key without its prefix.
    with connection.channel() as channel:
        declared: Any = Queue(queue)(channel).queue_declare()
    return int(declared.message_count)


def age_of(redis: Redis, mark: str) -> float | None:
    """Return how many seconds ago a mark was left."""
    left: bytes | None = redis.get(mark)  # type: ignore[assignment]  # not awaited
    return None if left is None else max(0.0, time.time() - float(left))


def broker_of(settings: Settings) -> Celery:
    """Return an application that knows the broker and no task."""
    app = Celery("podium-health")
    app.config_from_object("celeryconfig")
    url = settings.celery_broker_url
    app.conf.update(broker_url=url, broker_transport_options=transport_options(url), imports=())
    return app


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    name, *queues = arguments
    settings = load_or_exit(os.environ)
    redis = make_redis(settings.redis_url)
    try:
        if name == "beat":
            verdict = beat_is_alive(redis)
        else:
            node = f"{name}@{socket.gethostname()}"
            verdict = worker_is_alive(redis, broker_of(settings), node, queues)
    except (RedisError, OperationalError, OSError) as error:
        verdict = Verdict(alive=False, why=f"cannot be told: {error}")
    print(f"{name}: {verdict.why}")
    return 0 if verdict.alive else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
