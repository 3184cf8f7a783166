"""A vendor that answers nobody is left alone for a while: one circuit for all workers, in Redis.

It opens after so many failures in a row, by whomever. Then one small batch probes at a time; the
first answer of any kind closes it.
"""

from datetime import datetime, timedelta

from domain.fitness.lua import script
from domain.redis import Redis
from models.connection import Provider

FAILURES = 20
WINDOW = timedelta(seconds=60)
"""Failures that lie further back are forgotten."""
STAYS_OPEN = timedelta(seconds=30)
PROBE = timedelta(seconds=30)
"""Longer than a batch takes; a probe that was not heard of again is over by then."""
PROBE_SIZE = 4

_CLOSED = -1


class Circuit:
    """The circuit of one vendor. All methods raise RedisError."""

    def __init__(self, redis: Redis, provider: Provider) -> None:
        self._redis = redis
        self._key = f"circuit:{{{provider}}}"
        self._look = redis.register_script(script("circuit_look"))
        self._tell = redis.register_script(script("circuit_tell"))

    def most(self, now: datetime) -> int | None:
        """Return how many people may be pulled now, None for any number.

        Who is given a number is the probe and tells how it went.
        """
        args = [_milliseconds(now), PROBE // timedelta(milliseconds=1)]
        answer = int(self._look(keys=[self._key], args=args))
        if answer == _CLOSED:
            return None
        return PROBE_SIZE if answer == 0 else 0

    def is_open(self, now: datetime) -> bool:
        """Say whether the vendor is left alone, and take no turn as the probe."""
        until: bytes | None = self._redis.hget(self._key, "until")  # type: ignore[assignment]  # not awaited
        return until is not None and _milliseconds(now) < float(until)

    def tell(self, *, answered: bool, failures: int, now: datetime) -> bool:
        """Say whether the vendor answered anyone, and whom it did not; return whether it opened."""
        args = [
            _milliseconds(now),
            int(answered),
            failures,
            FAILURES,
            WINDOW // timedelta(milliseconds=1),
            STAYS_OPEN // timedelta(milliseconds=1),
        ]
        return bool(self._tell(keys=[self._key], args=args))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
