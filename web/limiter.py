"""Counting calls against their limits, in Redis for all processes together.

Without Redis each process counts alone, with its share of each ceiling; what is closed then stays
closed. The headers are those of draft-ietf-httpapi-ratelimit-headers-10.
"""

import ipaddress
import math
import os
import time
from collections.abc import Callable, Sequence

import structlog
from flask import Flask, Response, g, request
from limits import RateLimitItem
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError

from domain.errors import Unavailable
from web.errors import TooMany
from web.limits import Limit

log = structlog.get_logger(__name__)

POLICY, LEFT = "RateLimit-Policy", "RateLimit"
TIMEOUT_SECONDS = 1
AWAY_SECONDS = 5
"""After Redis has not answered, nobody waits for it so long."""


class RateLimited(TooMany):
    """Someone has come too often."""

    code = "rate_limited"

    def __init__(self, item: RateLimitItem, whose: str, seconds: int) -> None:
        super().__init__(f"At most {item} of one {whose}; try again in {seconds} s.")
        self.retry_after = seconds


class Limiter:
    """Counts of one web process, and through Redis of all."""

    def __init__(self, redis_url: str, processes: int) -> None:
        self._shared = SlidingWindowCounterRateLimiter(
            RedisStorage(
                redis_url.replace("unix://", "redis+unix://", 1),
                key_prefix="podium",
                socket_timeout=TIMEOUT_SECONDS,
                socket_connect_timeout=TIMEOUT_SECONDS,
            )
        )
        self._alone = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._processes = processes
        self._away_until = 0.0

    def count(
        self, limit: Limit, what: str, name: str | None, address: str, weight: int = 1
    ) -> str:
        """Count a call of someone at an address; return what is left, as `RateLimit` says it.

        Raises RateLimited, or Unavailable (`redis_unavailable`) for what is closed without Redis.
        """
        whom = [(item, "person", name) for item in limit.of_person if name is not None]
        if not _is_here(address):
            whom += [(item, "address", address) for item in limit.of_address]
        if time.monotonic() >= self._away_until:
            try:
                return _count(self._shared, whom, what, weight)
            except RedisError as error:
                self._away_until = time.monotonic() + AWAY_SECONDS
                log.warning("limits.redis_away", error=str(error))
        if limit.closed:
            raise Unavailable("Redis does not answer in time.", code="redis_unavailable")
        parts = [(_part(item, self._processes), whose, one) for item, whose, one in whom]
        return _count(self._alone, parts, what, weight)


def make_limiter(redis_url: str) -> Limiter:
    """Return the limiter of one of gunicorn's processes."""
    return Limiter(redis_url, int(os.environ.get("WEB_CONCURRENCY", "1")))


def guard(limiter: Callable[[], Limiter], limit: Limit, what: str) -> Callable[[], None]:
    """Return a function that counts the request. It raises as `Limiter.count` does."""

    def within() -> None:
        name = g.caller.name if "caller" in g else None
        g.limit = limit
        g.left = limiter().count(limit, what, name, request.remote_addr or "", g.get("weight", 1))

    return within


def install(app: Flask) -> None:
    """Let answers of limited routes say how much is left."""
    app.after_request(_tell)


def _tell(response: Response) -> Response:
    limit: Limit | None = g.get("limit")
    if limit is not None:
        response.headers[POLICY] = limit.policy
    if left := g.get("left"):
        response.headers[LEFT] = left
    return response


def _count(
    counts: SlidingWindowCounterRateLimiter,
    whom: Sequence[tuple[RateLimitItem, str, str]],
    what: str,
    weight: int,
) -> str:
    left = ""
    for item, whose, one in whom:
        names = (what, f"{whose} {one}")
        taken = counts.hit(item, *names, cost=weight)
        if taken and left:
            continue
        stats = counts.get_window_stats(item, *names)
        seconds = max(1, math.ceil(stats.reset_time - time.time()))
        if not taken:
            raise RateLimited(item, whose, seconds)
        left = f'"{whose}";r={stats.remaining};t={seconds}'
    return left


def _part(item: RateLimitItem, processes: int) -> RateLimitItem:
    return type(item)(max(1, item.amount // processes), item.multiples)


def _is_here(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False  # a path of a socket, or nothing: one more address
