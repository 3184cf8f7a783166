"""Display names by user id: a cache in Redis, filled from PostgreSQL."""

from collections.abc import Collection
from typing import Any

import structlog
from redis.exceptions import RedisError
from sqlalchemy import Engine, text

from domain.redis import Redis

log = structlog.get_logger(__name__)

NAMES_KEY = "people:names"
"""Hash of user id to display name."""
LIFE_SECONDS = 600
"""The whole hash goes after this, which bounds its size and how long a lost write shows."""

_NAMES = text("""
    SELECT CAST(user_id AS text), display_name FROM person
    WHERE user_id = ANY(CAST(:ids AS uuid[]))
""")


class Names:
    """Looks names up; without Redis it asks PostgreSQL each time."""

    def __init__(self, redis: Redis, engine: Engine) -> None:
        self._redis = redis
        self._engine = engine

    def of(self, user_ids: Collection[str]) -> dict[str, str]:
        """Return the names of people by user id; those unknown are absent."""
        ids = list(dict.fromkeys(user_ids))
        names = self._cached(ids)
        missing = [user_id for user_id in ids if user_id not in names]
        if missing:
            loaded = self._load(missing)
            names.update(loaded)
            self._fill(loaded)
        return names

    def put(self, user_id: str, name: str) -> None:
        """Write a new name through. Call after the commit, before ringing for the boards."""
        try:
            self._redis.hset(NAMES_KEY, user_id, name)
        except RedisError as error:
            log.warning("names.not_written", error=str(error))

    def forget(self, user_id: str) -> None:
        """Drop the name of someone who is gone. Raises `redis.RedisError`."""
        self._redis.hdel(NAMES_KEY, user_id)

    def _cached(self, ids: list[str]) -> dict[str, str]:
        if not ids:
            return {}
        try:
            found: Any = self._redis.hmget(NAMES_KEY, ids)
        except RedisError as error:
            log.warning("names.not_read", error=str(error))
            return {}
        return {id_: name.decode() for id_, name in zip(ids, found, strict=True) if name}

    def _load(self, ids: list[str]) -> dict[str, str]:
        with self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(_NAMES, {"ids": ids})}

    def _fill(self, names: dict[str, str]) -> None:
        """Add names without overwriting: a rename since they were read must win."""
        if not names:
            return
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                for user_id, name in names.items():
                    pipe.hsetnx(NAMES_KEY, user_id, name)
                pipe.expire(NAMES_KEY, LIFE_SECONDS, nx=True)
                pipe.execute()
        except RedisError as error:
            log.warning("names.not_filled", error=str(error))
