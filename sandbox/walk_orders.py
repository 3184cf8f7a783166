"""Walking on request: a known change that arrives at once."""

from pydantic import AwareDatetime, Field

from sandbox.clock import MINUTE_MS, QUARTER_MS
from sandbox.devices import DeviceKind
from sandbox.diary import Extra, Origin
from sandbox.orders import Order, Refused
from sandbox.people import Person
from sandbox.walks import Values


class WalkOrder(Order):
    """So much of each metric, in its unit, spread evenly over [from, to).

    Without `from` it is the last `minutes` whole minutes. Both ends are cut to whole minutes.
    `manual` types it in, in one entry per quarter hour; else `device` (by default the person's
    first) measured it. It comes on top of what the person walks anyway; where extras of phone and
    watch meet in a minute, the watch's count.
    """

    from_: AwareDatetime | None = Field(default=None, alias="from")
    to: AwareDatetime | None = None
    minutes: int = Field(default=10, ge=1, le=1440)
    steps: int = Field(default=0, ge=0)
    distance: float = Field(default=0, ge=0)
    calories: float = Field(default=0, ge=0)
    active_minutes: int = Field(default=0, ge=0)
    heart_points: float = Field(default=0, ge=0)
    manual: bool = False
    device: DeviceKind | None = None

    def extras(self, person: Person, now_ms: int) -> list[Extra]:
        """Refused if the range is empty or the person has no such device."""
        start_ms, end_ms = self._range(now_ms)
        count = (end_ms - start_ms) // MINUTE_MS
        if count < 1:
            raise Refused(422, "from must lie at least a minute before to")
        minutes = self._spread(count)
        if self.manual:
            return _entries(start_ms, end_ms, now_ms, minutes)
        origin = Origin(self._device(person).value)
        return [Extra(origin, start_ms, end_ms, now_ms, tuple(minutes))]

    def _range(self, now_ms: int) -> tuple[int, int]:
        if self.from_ is None:
            end_ms = now_ms // MINUTE_MS * MINUTE_MS
            return end_ms - self.minutes * MINUTE_MS, end_ms
        start_ms = int(self.from_.timestamp()) * 1000 // MINUTE_MS * MINUTE_MS
        if self.to is None:
            return start_ms, start_ms + self.minutes * MINUTE_MS
        return start_ms, int(self.to.timestamp()) * 1000 // MINUTE_MS * MINUTE_MS

    def _device(self, person: Person) -> DeviceKind:
        kinds = [device.kind for device in person.devices]
        if self.device is None:
            return kinds[0]
        if self.device not in kinds:
            raise Refused(422, f"{person.id} has no {self.device}")
        return self.device

    def _spread(self, count: int) -> list[Values]:
        steps, active = _even(self.steps, count), _even(self.active_minutes, count)
        distance, calories, points = (
            _even(round(value * 1000), count)
            for value in (self.distance, self.calories, self.heart_points)
        )
        return [
            (s * 1000, d, c, a * 1000, p, int(p > 0))
            for s, d, c, a, p in zip(steps, distance, calories, active, points, strict=True)
        ]


def _even(total: int, count: int) -> list[int]:
    """`total` in `count` whole parts that differ by one at most."""
    each, rest = divmod(total, count)
    return [each + (at < rest) for at in range(count)]


def _entries(start_ms: int, end_ms: int, now_ms: int, minutes: list[Values]) -> list[Extra]:
    entries = []
    while start_ms < end_ms:
        stop_ms = min(end_ms, (start_ms // QUARTER_MS + 1) * QUARTER_MS)
        count = (stop_ms - start_ms) // MINUTE_MS
        inside, minutes = minutes[:count], minutes[count:]
        s, d, c, a, p, m = (sum(column) for column in zip(*inside, strict=True))
        entries.append(Extra(Origin.TYPED, start_ms, stop_ms, now_ms, ((s, d, c, a, p, m),)))
        start_ms = stop_ms
    return entries
