"""The base of all tasks."""

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Concatenate, ParamSpec, cast

import structlog
from celery import Task as CeleryTask
from celery import shared_task
from redis.exceptions import RedisError
from sqlalchemy import Engine

from domain.redis import Redis
from domain.tallies import Tally, count, duration
from worker.doorbell import Doorbell
from worker.queues import PROGRESS_MARK, WORKER_MARK
from worker.resources import PodiumCelery, Resources
from worker.unit import Unit, unit_of_work

log = structlog.get_logger(__name__)

P = ParamSpec("P")

PROGRESS_SECONDS = 120
"""How long a queue's last mark of progress is kept."""
WORKER_SECONDS = 3600
"""The same of a worker, of which many may have been."""


class PodiumTask(CeleryTask):  # type: ignore[misc,type-arg,unused-ignore]  # Celery ships no types
    """Gives a task body its units of work and what its process holds open.

    A body is a sequence of short units. Whether to try again is decided by rows, so a task that
    raises is acknowledged and logged; the sweep finds what it left behind.
    """

    abstract = True
    tallied: defaultdict[Tally, float]
    """What the present run has counted. A process runs one task at a time."""

    @property
    def resources(self) -> Resources:
        """What this process holds open."""
        return cast("PodiumCelery", self.app).resources

    @property
    def engine(self) -> Engine:
        """The process's engine."""
        return self.resources.engine

    @property
    def redis(self) -> Redis:
        """The process's Redis client."""
        return self.resources.redis

    @property
    def doorbell(self) -> Doorbell:
        """The process's doorbell."""
        return self.resources.doorbell

    def unit(self) -> AbstractContextManager[Unit]:
        """Open a unit of work."""
        return unit_of_work(self.engine)

    def tally(self, name: str, *labels: str, amount: float = 1) -> None:
        """Count something; it is told to Redis when the task has ended."""
        self.tallied[Tally(name, labels)] += amount

    def tally_time(self, name: str, seconds: float) -> None:
        """Count how long something took."""
        for tally, amount in duration(name, seconds).items():
            self.tallied[tally] += amount

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the body with the task's name and id in every log line, and count what it did."""
        self.tallied = defaultdict(float)
        began, outcome = time.perf_counter(), "failed"
        with structlog.contextvars.bound_contextvars(task=self.name, task_id=self.request.id):
            try:
                result = super().__call__(*args, **kwargs)
                outcome = "succeeded"
            finally:
                self.tally("task_runs", self.name, outcome)
                self.tally("task_seconds", self.name, amount=time.perf_counter() - began)
                self._tell(moved=outcome == "succeeded")
        return result

    def _tell(self, *, moved: bool) -> None:
        """Leave the counts, and if all went well a mark that this queue is worked on."""
        queue = (self.request.delivery_info or {}).get("routing_key", "")
        now = int(time.time())
        try:
            with self.redis.pipeline(transaction=False) as pipe:
                if moved:
                    pipe.set(f"{PROGRESS_MARK}{queue}", now, ex=PROGRESS_SECONDS)
                if self.request.hostname is not None:
                    pipe.set(f"{WORKER_MARK}{self.request.hostname}", now, ex=WORKER_SECONDS)
                count(pipe, self.tallied)
                pipe.execute()
        except RedisError as error:
            log.warning("task.progress_unmarked", error=str(error))


def task(name: str) -> Callable[[Callable[Concatenate[PodiumTask, P], None]], CeleryTask[P, None]]:
    """Register a function as the task `name`; its first argument is the running task.

    Say `noun.verb`; further arguments are ids, by keyword.
    """
    return shared_task(name=name, bind=True)  # type: ignore[return-value]  # the stubs know no bind
