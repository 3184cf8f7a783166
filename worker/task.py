"""The base of all tasks."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Concatenate, ParamSpec, cast

import structlog
from celery import Task as CeleryTask
from celery import shared_task
from redis.exceptions import RedisError
from sqlalchemy import Engine

from domain.redis import Redis
from worker.doorbell import Doorbell
from worker.resources import PodiumCelery, Resources
from worker.unit import Unit, unit_of_work

log = structlog.get_logger(__name__)

P = ParamSpec("P")

PROGRESS_SECONDS = 120
"""How long a queue's last mark of progress is kept: `progress:<queue>`, a Unix time."""


class PodiumTask(CeleryTask):  # type: ignore[misc,type-arg,unused-ignore]  # Celery ships no types
    """Gives a task body its units of work and what its process holds open.

    A body is a sequence of short units. Whether to try again is decided by rows, so a task that
    raises is acknowledged and logged; the sweep finds what it left behind.
    """

    abstract = True

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

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the body with the task's name and id in every log line."""
        with structlog.contextvars.bound_contextvars(task=self.name, task_id=self.request.id):
            return super().__call__(*args, **kwargs)

    def on_success(self, *_: Any) -> None:
        """Leave a mark that this queue is worked on."""
        queue = (self.request.delivery_info or {}).get("routing_key", "")
        try:
            self.redis.set(f"progress:{queue}", int(time.time()), ex=PROGRESS_SECONDS)
        except RedisError as error:
            log.warning("task.progress_unmarked", error=str(error))


def task(name: str) -> Callable[[Callable[Concatenate[PodiumTask, P], None]], CeleryTask[P, None]]:
    """Register a function as the task `name`; its first argument is the running task.

    Say `noun.verb`; further arguments are ids, by keyword.
    """
    return shared_task(name=name, bind=True)  # type: ignore[return-value]  # the stubs know no bind
