"""Counts that all workers keep together, in Redis.

Workers have no address at which they could be asked, and end at any time; what they have counted
stays. A Redis that lost its data begins again at nothing, which whoever reads rates allows for.
"""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from redis.client import Pipeline

from domain.redis import Redis

KEY = "tallies"
BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, math.inf)
"""Seconds up to which durations are counted together."""


class Tally(NamedTuple):
    """What is counted: a name, and the values of its labels, none of which holds a `|`."""

    name: str
    labels: tuple[str, ...] = ()


def duration(name: str, seconds: float) -> dict[Tally, float]:
    """Return what to add when something took so long; negative ones, of moved clocks, are 0."""
    took = max(0.0, seconds)
    bound = next(one for one in BOUNDS if took <= one)
    return {Tally(name, (str(bound),)): 1, Tally(f"{name}_sum"): took}


def count(pipe: Pipeline, found: Mapping[Tally, float]) -> None:
    """Add to the counts when `pipe` is executed."""
    for tally, amount in found.items():
        pipe.hincrbyfloat(KEY, "|".join((tally.name, *tally.labels)), amount)


def counts(redis: Redis) -> Iterator[tuple[Tally, float]]:
    """Yield all counts. Raises RedisError."""
    for field, amount in redis.hgetall(KEY).items():  # type: ignore[union-attr]  # not awaited
        name, *labels = field.decode().split("|")
        yield Tally(name, tuple(labels)), float(amount)
