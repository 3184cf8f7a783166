"""What a vendor said about one person: streams of quarter-hour slots over a window."""

from dataclasses import dataclass

from domain.errors import Refused
from domain.fitness.windows import Window
from models.slots import Metric

MAX_SLOT = 2**31 - 1
"""A slot is a four-byte integer: 2,147,483 units in a quarter hour, beyond any body."""


@dataclass(frozen=True)
class Stream:
    """One metric of one source: what was measured and what was typed in, slot by slot.

    Both lists cover the window of the readings; values are in 1/1000 of the metric's unit.
    """

    metric: Metric
    measured: list[int]
    manual: list[int]


@dataclass(frozen=True)
class Readings:
    """Everything that one pull brought for one person."""

    source: str
    window: Window
    streams: list[Stream]

    def __post_init__(self) -> None:
        for stream in self.streams:
            for values in (stream.measured, stream.manual):
                if len(values) != self.window.slots:
                    raise Refused(
                        f"{stream.metric} has {len(values)} slots", code="vendor_bad_data"
                    )
                if values and not (min(values) >= 0 and max(values) <= MAX_SLOT):
                    raise Refused(f"{stream.metric} is out of range", code="vendor_bad_data")

    @property
    def received(self) -> int:
        """How many slots hold something."""
        return sum(
            len(values) - values.count(0)
            for stream in self.streams
            for values in (stream.measured, stream.manual)
        )
