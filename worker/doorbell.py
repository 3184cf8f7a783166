"""Doorbells: Celery messages without content that say "look at your rows".

One ring wakes one task, however many press; the task takes the bell off before it looks, so nothing
that rang is overlooked. A lost ring costs time only: a sweep rings again while rows are due.
"""

import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from domain.redis import Redis

log = structlog.get_logger(__name__)

BELL_MS = 2000
"""How long a bell counts as rung when its message was lost."""


class Doorbell:
    """Rings tasks by name."""

    def __init__(self, app: Celery, redis: Redis) -> None:
        self._app = app
        self._redis = redis

    def ring(self, task: str) -> None:
        """Wake `task` unless it has been rung already. Never raises: the rows are the truth."""
        try:
            if self._redis.set(f"bell:{task}", b"1", nx=True, px=BELL_MS):
                self._app.send_task(task, retry=False)
        except (RedisError, OperationalError) as error:
            log.warning("doorbell.unheard", task=task, error=str(error))

    def take_off(self, task: str) -> None:
        """Let the next ring through. Call before looking at the rows."""
        try:
            self._redis.delete(f"bell:{task}")
        except RedisError as error:
            log.warning("doorbell.stuck", task=task, error=str(error))
