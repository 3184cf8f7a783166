"""What has arrived of a person's walking by a given moment.

Merging follows the vendor: a minute counts once, the watch's number wins where it has one and the
phone fills the gaps; what was typed in comes on top. Data is asked for in cells: all that arrived
of one stream within a minute or within a quarter hour.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from sandbox.clock import MINUTE_MS, QUARTER_MS
from sandbox.devices import DeviceKind
from sandbox.people import Person
from sandbox.walks import Day, Typed, Values, Wear, gait_tables, local_date, walk_day

DAYS_KEPT = 100
FOREVER_MS = 2**62

_NOTHING: Values = (0, 0, 0, 0, 0, 0)


class Origin(StrEnum):
    PHONE = "phone"
    WATCH = "watch"
    TYPED = "typed"


class Part(StrEnum):
    """Which of a person's data: one device's, all devices' merged, typed in, or all of it."""

    PHONE = "phone"
    WATCH = "watch"
    MEASURED = "measured"
    TYPED = "typed"
    ALL = "all"

    @property
    def kinds(self) -> tuple[DeviceKind, ...]:
        if self in (Part.PHONE, Part.WATCH):
            return (DeviceKind(self.value),)
        return () if self is Part.TYPED else (DeviceKind.WATCH, DeviceKind.PHONE)

    @property
    def has_typed(self) -> bool:
        return self in (Part.TYPED, Part.ALL)


class Cell(NamedTuple):
    """What one minute or quarter hour holds. Start and end are those of the data inside."""

    start_ms: int
    end_ms: int
    arrived_ms: int
    origin: Origin
    values: Values


@dataclass(frozen=True, slots=True)
class Extra:
    """Walking that was added by hand of the operator; minutes from `start_ms`, one `Values` each.

    A typed extra is one entry in one quarter hour, so it has one element and its own `end_ms`.
    """

    origin: Origin
    start_ms: int
    end_ms: int
    arrived_ms: int
    minutes: tuple[Values, ...]


@dataclass
class _Page:
    """A generated day and the last picture taken of it for each (part, cell length)."""

    day: Day
    pictures: dict[tuple[Part, int], tuple[tuple[int, ...], list[Cell]]] = field(
        default_factory=dict
    )


class Diary:
    """One person's data. Not bound to a clock: every question names its moment."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._tables = gait_tables(person)
        self._pages: OrderedDict[date, _Page] = OrderedDict()
        self.extras: list[Extra] = []

    def cells(
        self, part: Part, from_ms: int, to_ms: int, at_ms: int, length_ms: int = QUARTER_MS
    ) -> list[Cell]:
        """The cells of `part` that start in [from_ms, to_ms), as arrived by `at_ms`, in order.

        `length_ms` is a quarter hour or a minute. Cells of different origin may lie side by side
        in the same quarter; what was typed in is never split.
        """
        found: list[Cell] = []
        for page in self._pages_between(from_ms, to_ms):
            found += self._picture(page, part, at_ms, length_ms // MINUTE_MS)
        if self.extras:
            found += self._extra_cells(part, at_ms)
        inside = [cell for cell in found if from_ms <= cell.start_ms < to_ms]
        inside.sort(key=lambda cell: (cell.start_ms, cell.end_ms))
        return inside

    def slots(self, part: Part, from_ms: int, to_ms: int, at_ms: int) -> list[Values]:
        """Sums of the quarter hours of [from_ms, to_ms), both on a whole quarter hour."""
        sums = [_NOTHING] * ((to_ms - from_ms) // QUARTER_MS)
        for cell in self.cells(part, from_ms, to_ms, at_ms):
            slot = (cell.start_ms - from_ms) // QUARTER_MS
            sums[slot] = add(sums[slot], cell.values)
        return sums

    def has_typed(self, metric: int, at_ms: int) -> bool:
        """Whether anything of the metric (an index into `Values`) was ever typed in by `at_ms`.

        Whoever types by hand has typed steps since before any time that can be asked for.
        """
        if self._person.types_by_hand and metric == 0:
            return True
        return any(
            extra.origin is Origin.TYPED and extra.arrived_ms <= at_ms and extra.minutes[0][metric]
            for extra in self.extras
        )

    def _pages_between(self, from_ms: int, to_ms: int) -> Iterator[_Page]:
        day, last = local_date(self._person, from_ms), local_date(self._person, to_ms - 1)
        while day <= last:
            yield self._page(day)
            day += timedelta(days=1)

    def _page(self, day: date) -> _Page:
        page = self._pages.get(day)
        if page is None:
            page = self._pages[day] = _Page(walk_day(self._person, day))
            if len(self._pages) > DAYS_KEPT:
                self._pages.popitem(last=False)
        return page

    def _picture(self, page: _Page, part: Part, at_ms: int, length: int) -> list[Cell]:
        """The day's cells, kept until something new arrives."""
        day = page.day
        wears = [wear for kind in part.kinds for wear in day.wears if wear.device.kind is kind]
        typed = [t for t in day.typed if t.arrived_ms <= at_ms] if part.has_typed else []
        arrived = [wear.arrived_minutes(day.start_ms, at_ms) for wear in wears]
        state = (*arrived, len(typed))
        known = page.pictures.get((part, length))
        if known is None or known[0] != state:
            cells = self._measured_cells(day, wears, arrived, length)
            known = page.pictures[part, length] = (state, cells + [_typed_cell(t) for t in typed])
        return known[1]

    def _measured_cells(
        self, day: Day, wears: list[Wear], arrived: list[int], length: int
    ) -> list[Cell]:
        seen = [
            wear.steps[:count] + bytes(day.minutes - count)
            for wear, count in zip(wears, arrived, strict=True)
        ]
        if not seen:
            return []
        steps = merge_minutes(seen)
        cells = []
        for at in range(0, day.minutes, length):
            chunk = steps[at : at + length]
            ink = chunk.strip(b"\0")
            if not ink:
                continue
            first = at + len(chunk) - len(chunk.lstrip(b"\0"))
            last = first + len(ink) - 1
            wear = next(w for w, counted in zip(wears, seen, strict=True) if counted[last])
            cells.append(
                Cell(
                    day.start_ms + first * MINUTE_MS,
                    day.start_ms + (last + 1) * MINUTE_MS,
                    wear.arrival_ms(day.start_ms, last),
                    Origin(wear.device.kind.value),
                    self._values(ink),
                )
            )
        return cells

    def _values(self, steps: bytes) -> Values:
        count, distance, calories, active, points, duration = (
            sum(map(table.__getitem__, steps)) for table in self._tables
        )
        return count, distance, calories, active, points, duration

    def _extra_cells(self, part: Part, at_ms: int) -> Iterator[Cell]:
        known = [extra for extra in self.extras if extra.arrived_ms <= at_ms]
        if part.has_typed:
            for extra in known:
                if extra.origin is Origin.TYPED:
                    yield Cell(
                        extra.start_ms,
                        extra.end_ms,
                        extra.arrived_ms,
                        Origin.TYPED,
                        extra.minutes[0],
                    )
        taken: set[int] = set()
        for kind in part.kinds:
            by_minute = list(_extra_minutes(known, Origin(kind.value)))
            yield from (cell for cell in by_minute if cell.start_ms not in taken)
            taken.update(cell.start_ms for cell in by_minute)


def merge_minutes(seen: list[bytes]) -> bytes:
    """One number for each minute: the first device's that has one. All are of equal length."""
    merged = seen[0]
    for filler in seen[1:]:
        merged = bytes(have or fill for have, fill in zip(merged, filler, strict=True))
    return merged


def add(one: Values, other: Values) -> Values:
    a, b, c, d, e, f = one
    u, v, w, x, y, z = other
    return a + u, b + v, c + w, d + x, e + y, f + z


def _extra_minutes(extras: Iterable[Extra], origin: Origin) -> Iterator[Cell]:
    """One cell for each minute in which any of the extras of this origin has something."""
    minutes = sorted(
        (
            (extra.start_ms + at * MINUTE_MS, extra.arrived_ms, values)
            for extra in extras
            if extra.origin is origin
            for at, values in enumerate(extra.minutes)
            if any(values)
        ),
    )
    for start_ms, same in groupby(minutes, key=lambda minute: minute[0]):
        total, arrived_ms = _NOTHING, 0
        for _, when_ms, values in same:
            total, arrived_ms = add(total, values), max(arrived_ms, when_ms)
        yield Cell(start_ms, start_ms + MINUTE_MS, arrived_ms, origin, total)


def _typed_cell(typed: Typed) -> Cell:
    values: Values = (typed.steps * 1000, 0, 0, 0, 0, 0)
    return Cell(typed.start_ms, typed.end_ms, typed.arrived_ms, Origin.TYPED, values)
