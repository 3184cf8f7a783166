"""Beat with a leader: two may run, one works."""

import os
import time
from typing import Any

import psycopg
import structlog
from celery.beat import ScheduleEntry, Scheduler
from redis.exceptions import RedisError

from domain.redis import make_redis
from domain.settings import load_or_exit
from worker.queues import BEAT_MARK

log = structlog.get_logger(__name__)

LOCK_KEY = 0x706F6469756D
"""The advisory lock of the schedule: the bytes of "podium"."""
FOLLOW_SECONDS = 1.0
"""How often a follower looks whether the leader has gone."""


class Leadership:
    """An advisory lock on a connection of its own.

    The lock lives and dies with the session that holds it, so a pool must never see it. Leading is
    only saving: every scheduled task finds its work in rows and may run twice.
    """

    def __init__(self, database_url: str) -> None:
        self._url = database_url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._connection: psycopg.Connection[Any] | None = None
        self._follows = False

    def held(self) -> bool:
        """Say whether this process leads, taking the lock if it is free."""
        try:
            if self._connection is not None:
                self._connection.execute("SELECT 1")
                return True
            return self._take()
        except psycopg.Error as error:
            log.warning("beat.leadership_lost", error=str(error).strip())
            self.release()
            return False

    def release(self) -> None:
        """Stop leading."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _take(self) -> bool:
        connection = psycopg.connect(
            self._url, autocommit=True, connect_timeout=3, keepalives_idle=5, tcp_user_timeout=5000
        )
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_KEY,)).fetchone()
        if row is None or not row[0]:
            connection.close()
            if not self._follows:
                log.info("beat.follows")
            self._follows = True
            return False
        self._connection = connection
        self._follows = False
        log.info("beat.leads")
        return True


class LeaderScheduler(Scheduler):  # type: ignore[misc,unused-ignore]  # Celery ships no types
    """Celery's scheduler in memory, which ticks only while it leads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        settings = load_or_exit(os.environ)
        self._leadership = Leadership(settings.database_url)
        self._redis = make_redis(settings.redis_url, socket_timeout=0.5)
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; return the seconds until the next look."""
        if not self._leadership.held():
            return FOLLOW_SECONDS
        wait = float(super().tick(*args, **kwargs))
        self._leave_mark()
        return wait

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Send one entry, if this process still leads at this very moment."""
        if self._leadership.held():
            super().apply_entry(entry, producer=producer)

    def _leave_mark(self) -> None:
        """Show those who watch that the schedule is kept."""
        try:
            self._redis.set(BEAT_MARK, int(time.time()))
        except RedisError as error:
            log.warning("beat.progress_unmarked", error=str(error))

    def close(self) -> None:
        """Free the lock at once, so that a follower need not wait for the connection to die."""
        super().close()
        self._leadership.release()
