"""What a pull hands to a vendor's client and gets back."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from domain.errors import Refused
from domain.fitness.readings import Readings
from domain.fitness.windows import Window


class TokenDead(Refused):
    """The vendor did not take the access token."""

    code = "vendor_unauthorised"


@dataclass(frozen=True)
class Account:
    """One person's account at a vendor, as known before the pull."""

    access_token: str = field(repr=False)
    scopes: frozenset[str]
    manual_streams: tuple[str, ...]
    streams_listed_at: datetime | None


@dataclass(frozen=True)
class Pulled:
    """What came back."""

    readings: Readings
    manual_streams: tuple[str, ...]
    streams_listed_at: datetime


Pull = Callable[[Account, Window], Awaitable[Pulled]]
"""Fetch one person's window. Raises TokenDead, Refused, Throttled or Retryable; never half."""
