"""Walking on request: a known change that arrives at once."""

from collections.abc import Iterator

from pydantic import AwareDatetime, Field

from sandbox.clock import MINUTE_MS, QUARTER_MS
from sandbox.devices import DeviceKind
from sandbox.diary import Extra, Origin
from sandbox.orders import Order, Refused
from sandbox.people import Person
from sandbox.walks import QUARTER, Values, local_date, walk_day


class WalkOrder(Order):
    """So much of each metric, in its unit, spread evenly over [from, to).

    Without `from` it is the last `minutes` whole minutes. Both ends are cut to whole minutes.
    `manual` types it in, in one entry per quarter hour; else `device` alone measured it, or without
    one all that the person carries. Then it comes on top of what the person walks anyway. What one
    device alone measured counts where no better one has anything in that quarter hour.
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
            return _entries(start_ms, now_ms, minutes)
        kinds = self._devices(person)
        first = Extra(Origin(kinds[0].value), start_ms, end_ms, now_ms, tuple(minutes))
        return [first, *_of_watch(person, first)] if len(kinds) > 1 else [first]

    def _range(self, now_ms: int) -> tuple[int, int]:
        if self.from_ is None:
            end_ms = now_ms // MINUTE_MS * MINUTE_MS
            return end_ms - self.minutes * MINUTE_MS, end_ms
        start_ms = int(self.from_.timestamp()) * 1000 // MINUTE_MS * MINUTE_MS
        if self.to is None:
            return start_ms, start_ms + self.minutes * MINUTE_MS
        return start_ms, int(self.to.timestamp()) * 1000 // MINUTE_MS * MINUTE_MS

    def _devices(self, person: Person) -> list[DeviceKind]:
        kinds = [device.kind for device in person.devices]
        if self.device is None:
            return kinds
        if self.device not in kinds:
            raise Refused(422, f"{person.id} has no {self.device}")
        return [self.device]

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


def _of_watch(person: Person, of_phone: Extra) -> list[Extra]:
    """The same as the watch saw it, which arrives with the rest of its quarter hour.

    Where the watch has nothing, the phone counts, and would not beside anything of the watch.
    """
    extras = []
    for start_ms, minutes in _quarters(of_phone.start_ms, list(of_phone.minutes)):
        arrived_ms = _arrival_of_watch(person, start_ms // QUARTER_MS * QUARTER_MS)
        if arrived_ms is not None:
            end_ms = start_ms + len(minutes) * MINUTE_MS
            arrived_ms = max(of_phone.arrived_ms, arrived_ms)
            extras.append(Extra(Origin.WATCH, start_ms, end_ms, arrived_ms, tuple(minutes)))
    return extras


def _arrival_of_watch(person: Person, quarter_ms: int) -> int | None:
    """When the watch sends a quarter hour; None if it has nothing in it."""
    day = walk_day(person, local_date(person, quarter_ms))
    minute = (quarter_ms - day.start_ms) // MINUTE_MS
    (wear,) = (wear for wear in day.wears if wear.device.kind is DeviceKind.WATCH)
    if not any(wear.steps[minute : minute + QUARTER]):
        return None
    return wear.arrival_ms(day.start_ms, minute)


def _even(total: int, count: int) -> list[int]:
    """`total` in `count` whole parts that differ by one at most."""
    each, rest = divmod(total, count)
    return [each + (at < rest) for at in range(count)]


def _entries(start_ms: int, now_ms: int, minutes: list[Values]) -> list[Extra]:
    entries = []
    for quarter_ms, inside in _quarters(start_ms, minutes):
        stop_ms = quarter_ms + len(inside) * MINUTE_MS
        s, d, c, a, p, m = (sum(column) for column in zip(*inside, strict=True))
        entries.append(Extra(Origin.TYPED, quarter_ms, stop_ms, now_ms, ((s, d, c, a, p, m),)))
    return entries


def _quarters(start_ms: int, minutes: list[Values]) -> Iterator[tuple[int, list[Values]]]:
    """The minutes of each quarter hour, and where they begin."""
    while minutes:
        count = ((start_ms // QUARTER_MS + 1) * QUARTER_MS - start_ms) // MINUTE_MS
        yield start_ms, minutes[:count]
        start_ms, minutes = start_ms + count * MINUTE_MS, minutes[count:]
