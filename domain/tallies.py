"""Counts that all workers keep together, in Redis.

Workers have no address at which they could be asked, and end at any time; what they have counted
stays. A Redis that lost its data begins again at nothing, which whoever reads rates allows for.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from redis.client import Pipeline

from domain.redis import Redis

KEY = "tallies"


class Tally(NamedTuple):
    """What is counted: a name, and the values of its labels, none of which holds a `|`."""

    name: str
    labels: tuple[str, ...] = ()


def count(pipe: Pipeline, found: Mapping[Tally, float]) -> None:
    """Add to the counts when `pipe` is executed."""
    for tally, amount in found.items():
        pipe.hincrbyfloat(KEY, "|".join((tally.name, *tally.labels)), amount)


def counts(redis: Redis) -> Iterator[tuple[Tally, float]]:
    """Yield all counts. Raises RedisError."""
    for field, amount in redis.hgetall(KEY).items():  # type: ignore[union-attr]  # not awaited
        name, *labels = field.decode().split("|")
        yield Tally(name, tuple(labels)), float(amount)
