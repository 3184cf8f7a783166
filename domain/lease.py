"""Leases in Redis. They save work; correctness rests on versions and unique keys."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis.exceptions import RedisError

from domain.redis import Redis

_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


@contextmanager
def lease(redis: Redis, name: str, milliseconds: int) -> Iterator[bool]:
    """Hold `lease:<name>` during the block, if it is free; yields whether it is held."""
    key, token = f"lease:{name}", uuid.uuid4().hex
    held = bool(redis.set(key, token, nx=True, px=milliseconds))
    try:
        yield held
    finally:
        if held:
            with suppress(RedisError):  # it ends by itself
                redis.eval(_RELEASE, 1, key, token)
