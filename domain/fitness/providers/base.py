"""What a pull hands to a vendor's client and gets back."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from domain.errors import Refused
from domain.fitness.readings import Readings
from domain.fitness.windows import Window
from models.slots import Metric
from models.source import SourceKind


class TokenDead(Refused):
    """The vendor did not take the access token."""

    code = "vendor_unauthorised"


class Device(msgspec.Struct, frozen=True):
    """Something that measures, as the vendor describes it; `uid` tells two of one model apart."""

    kind: SourceKind
    manufacturer: str
    model: str
    uid: str


class DeviceStream(msgspec.Struct, frozen=True):
    """A vendor's stream of what one device alone counted of one metric."""

    metric: Metric
    stream: str
    device: Device


@dataclass(frozen=True)
class Account:
    """One person's account at a vendor, as known before the pull."""

    access_token: str = field(repr=False)
    scopes: frozenset[str]
    manual_streams: tuple[str, ...]
    streams_listed_at: datetime | None
    device_streams: tuple[DeviceStream, ...] = ()


@dataclass(frozen=True)
class DeviceReadings:
    """What one device alone counted."""

    device: Device
    readings: Readings

    @property
    def is_silent(self) -> bool:
        """Whether it counted nothing: lists name devices of years ago, which are not stored."""
        return self.readings.received == 0


@dataclass(frozen=True)
class Pulled:
    """What came back: what the vendor merged, and beside it what it told apart by device.

    A metric is in one or the other, never in both.
    """

    readings: Readings
    manual_streams: tuple[str, ...]
    streams_listed_at: datetime
    device_streams: tuple[DeviceStream, ...] = ()
    by_device: tuple[DeviceReadings, ...] = ()

    @property
    def received(self) -> int:
        """How many slots hold something."""
        return sum(one.received for one in self.all_readings())

    def all_readings(self) -> Iterator[Readings]:
        """Yield the readings of every source."""
        yield self.readings
        for one in self.by_device:
            yield one.readings


Pull = Callable[[Account, Window], Awaitable[Pulled]]
"""Fetch one person's window. Raises TokenDead, Refused, Throttled or Retryable; never half."""
