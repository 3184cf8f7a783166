"""What a process holds open: made at first use, never carried over a fork."""

from functools import cached_property

from celery import Celery
from sqlalchemy import Engine

from domain.database import make_engine
from domain.redis import Redis, make_redis
from domain.settings import Settings
from worker.doorbell import Doorbell

THREADS = 8
"""Of one task that may hold a connection to PostgreSQL at a time: each finds one at once."""
KEPT = 2
"""Of the connections stay open, the others come and go."""


class Resources:
    """Engine, Redis client and doorbell of one process."""

    def __init__(self, settings: Settings, app: Celery) -> None:
        self.settings = settings
        self._app = app

    @cached_property
    def engine(self) -> Engine:
        """The engine."""
        return make_engine(self.settings.database_url, pool_size=KEPT, max_overflow=THREADS - KEPT)

    @cached_property
    def redis(self) -> Redis:
        """The client for short commands."""
        return make_redis(self.settings.redis_url)

    @cached_property
    def doorbell(self) -> Doorbell:
        """The doorbell."""
        return Doorbell(self._app, self.redis)

    def forget(self) -> None:
        """Drop what a parent process opened, without closing its connections."""
        if engine := self.__dict__.pop("engine", None):
            engine.dispose(close=False)
        self.__dict__.pop("redis", None)
        self.__dict__.pop("doorbell", None)


class PodiumCelery(Celery):
    """A Celery application that carries its process's resources."""

    resources: Resources
