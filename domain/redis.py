"""Connections to Redis or Valkey."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

Redis = redis.Redis


def make_redis(url: str, *, socket_timeout: float = 2.0) -> Redis:
    """Return a client for short commands, answering bytes.

    It never repeats a command by itself: after a time-out the first try may have been applied.
    """
    client: Redis = redis.Redis.from_url(
        url,
        socket_timeout=socket_timeout,
        socket_connect_timeout=2.0,
        socket_keepalive=True,
        health_check_interval=25,
        protocol=2,
        retry=Retry(NoBackoff(), 0),
    )
    return client
