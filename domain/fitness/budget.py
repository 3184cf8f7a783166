"""How many calls a vendor takes from us: token buckets in Redis that all workers share.

In any minute at most the limit is spent, by a project and by each of its people: a fifth of it may
go at once, the rest comes in evenly. What nobody asked for leaves a third of the project's burst to
people who ask. Without Redis nobody knows what the others spend, so nothing is spent: rows wait.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import Throttled
from domain.fitness.lua import script
from domain.redis import Redis
from models.connection import Provider

BURST = 5
"""A bucket holds one part in so many of a minute's limit."""
RESERVE = 3
"""One part in so many of the project's bucket is for people who ask."""


class OverBudget(Throttled):
    """Our own limit, not the vendor's: nobody's fault and nobody's attempt."""


@dataclass(frozen=True)
class Limits:
    """Calls per minute."""

    project: int
    person: int


@dataclass(frozen=True)
class Ask:
    """Calls for one connection, made all or none."""

    connection_id: uuid.UUID
    wished: bool
    """A person waits for it."""
    calls: int = 1


@dataclass(frozen=True)
class Room:
    """How many calls may be made now, and how many of them that nobody asked for."""

    calls: int
    unasked: int


@dataclass(frozen=True)
class _Bucket:
    burst: int
    rate: float
    """Calls per second."""

    @classmethod
    def of(cls, per_minute: int) -> "_Bucket":
        burst = max(per_minute // BURST, 1)
        return cls(burst, (per_minute - burst) / 60)


class Budget:
    """The budget at one vendor."""

    def __init__(self, redis: Redis, provider: Provider, limits: Limits) -> None:
        # One hash tag: a script's keys lie on one node of a cluster.
        self._key = f"budget:{{{provider}}}"
        self._project, self._person = _Bucket.of(limits.project), _Bucket.of(limits.person)
        self._reserve = self._project.burst // RESERVE
        self._take = redis.register_script(script("budget"))
        self._give_back = redis.register_script(script("give_back"))
        self._room = redis.register_script(script("room"))

    def take(self, asks: Sequence[Ask], now: datetime) -> list[timedelta]:
        """Pay what is asked; return for each 0 if paid, else how long until it can be.

        Nobody pays more at once than the buckets hold (see `at_once`). Raises RedisError.
        """
        waits = self._take(
            keys=self._keys(asks),
            args=[
                _milliseconds(now),
                self._project.burst,
                self._project.rate,
                self._person.burst,
                self._person.rate,
                *(
                    part
                    for ask in asks
                    for part in (self.at_once(ask.calls), 0 if ask.wished else self._reserve)
                ),
            ],
        )
        return [timedelta(milliseconds=int(wait)) for wait in waits]

    def give_back(self, asks: Sequence[Ask]) -> None:
        """Return calls that were paid and are not made. Raises RedisError."""
        calls = [ask.calls for ask in asks]
        self._give_back(keys=self._keys(asks), args=[sum(calls), *calls])

    def _keys(self, asks: Sequence[Ask]) -> list[str]:
        return [self._key, *(f"{self._key}:{ask.connection_id}" for ask in asks)]

    def at_once(self, calls: int) -> int:
        """Return how many of so many calls of one person can be paid at once."""
        return min(calls, self._person.burst, self._project.burst - self._reserve)

    @property
    def burst(self) -> int:
        """The most calls that the project's bucket holds."""
        return self._project.burst

    def room(self, now: datetime) -> Room:
        """Return what the project has left. Raises RedisError."""
        args = [_milliseconds(now), self._project.burst, self._project.rate]
        calls = int(self._room(keys=[self._key], args=args))
        return Room(calls, max(calls - self._reserve, 0))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
