"""How a person walks: minute by minute, a pure function of (person, local day).

A day is kept dense: one byte of steps for each minute of the local day and each device. All
other metrics are functions of a minute's steps (`gait_tables`), so nothing else need be stored.
"""

import random
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sandbox.clock import MINUTE_MS
from sandbox.devices import Device, DeviceKind
from sandbox.people import Person

QUARTER = 15
"""Minutes."""
MODERATE_CADENCE = 100
VIGOROUS_CADENCE = 130
"""Steps per minute at moderate and vigorous intensity (Tudor-Locke et al., 2019)."""

SHAKEN = range(60, 300)
"""Minutes of the local day in which a phone is in a machine, before anybody is up."""
SHAKEN_STEPS = 250
"""A minute: more than a body takes over a quarter hour."""

LONGEST_GAP_MIN = 311 - QUARTER
"""No upload gap is longer, so no data point arrives later than 5.2 hours after its end, also out of
a watch that sends whole quarter hours."""

Values = tuple[int, int, int, int, int, int]
"""Steps, distance, calories, active minutes, heart points, each in 1/1000 of its unit, and last
the number of minutes that earned heart points."""


@dataclass(frozen=True, slots=True)
class Wear:
    """What one device counted in a local day.

    `uploads` are the moments (epoch ms, ascending) at which the device sent all that it had. The
    last one lies after the day's end, so that every minute arrives.
    """

    device: Device
    steps: bytes
    uploads: tuple[int, ...]
    piece: int = 1
    """It sends whole pieces of so many minutes."""

    def arrived_minutes(self, start_ms: int, at_ms: int) -> int:
        """How many minutes from the day's start have arrived by `at_ms`."""
        done = bisect_right(self.uploads, at_ms)
        if not done:
            return 0
        passed = (self.uploads[done - 1] - start_ms) // MINUTE_MS // self.piece * self.piece
        return max(0, min(len(self.steps), passed))

    def arrival_ms(self, start_ms: int, minute: int) -> int:
        end = (minute // self.piece + 1) * self.piece
        return self.uploads[bisect_left(self.uploads, start_ms + end * MINUTE_MS)]


@dataclass(frozen=True, slots=True)
class Typed:
    """Steps that were typed in for a span inside one quarter hour."""

    start_ms: int
    end_ms: int
    arrived_ms: int
    steps: int


@dataclass(frozen=True, slots=True)
class Day:
    """One local day of one person; `start_ms` is its midnight, a whole quarter hour in UTC."""

    start_ms: int
    minutes: int
    wears: tuple[Wear, ...]
    typed: tuple[Typed, ...]


def gait_tables(person: Person) -> tuple[tuple[int, ...], ...]:
    """For each of the `Values`, a table from steps in a minute to that value. All are rising."""
    stride, cost = person.rhythm.stride_mm, person.rhythm.step_cost_mcal
    counts = range(256)
    return (
        tuple(steps * 1000 for steps in counts),
        tuple(steps * (stride * 4 // 3 if _vigorous(steps) else stride) for steps in counts),
        tuple(steps * (cost * 5 // 4 if _vigorous(steps) else cost) for steps in counts),
        tuple(1000 if steps >= 60 else 0 for steps in counts),
        tuple(2000 if _vigorous(s) else 1000 if s >= MODERATE_CADENCE else 0 for s in counts),
        tuple(1 if steps >= MODERATE_CADENCE else 0 for steps in counts),
    )


def _vigorous(steps: int) -> bool:
    return steps >= VIGOROUS_CADENCE


def local_midnight_ms(person: Person, day: date) -> int:
    return int(datetime.combine(day, time(), person.zone).timestamp() * 1000)


def local_date(person: Person, at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(person.zone).date()


def walk_day(person: Person, day: date) -> Day:
    rng = random.Random(f"{person.seed}/walk/{person.number}/{day.isoformat()}")
    start_ms = local_midnight_ms(person, day)
    minutes = (local_midnight_ms(person, day + timedelta(days=1)) - start_ms) // MINUTE_MS
    truth = _true_steps(person, day, minutes, rng)
    wears = tuple(
        Wear(
            device,
            _counted(device, truth, person, rng),
            _uploads(person, start_ms, minutes, rng),
            _piece(device, person),
        )
        for device in person.devices
    )
    typed = _typed_in(start_ms, rng) if person.types_by_hand else ()
    return Day(start_ms, minutes, wears, typed)


def _true_steps(person: Person, day: date, minutes: int, rng: random.Random) -> bytes:
    rhythm = person.rhythm
    steps = bytearray(minutes)

    def walk(start: float, length: float, cadence: int, spread: int = 8) -> None:
        for minute in range(int(start), min(int(start + length), minutes)):
            steps[minute] = max(steps[minute], cadence - spread + int(rng.random() * 2 * spread))

    wake = rhythm.wake + rng.randrange(-25, 40)
    for _ in range(rhythm.restlessness):
        about = 6 + int(rng.random() * 22)
        walk(wake + rng.random() * (rhythm.bed - wake), 1 + rng.random() * 4, about, 9)
    if day.weekday() < 5:
        out, home = wake + rng.randrange(35, 80), rng.randrange(980, 1130)
        walk(out, rhythm.commute_minutes, rhythm.cadence + 4)
        walk(home, rhythm.commute_minutes + rng.randrange(4), rhythm.cadence)
        if rng.random() < rhythm.lunch_chance:
            walk(rng.randrange(715, 790), rng.randrange(8, 26), rhythm.cadence - 6)
    elif rng.random() < 0.6:
        walk(rng.randrange(600, 960), rng.randrange(40, 121), rhythm.cadence)
    if rng.random() < rhythm.evening_chance:
        walk(rng.randrange(1140, 1260), rng.randrange(12, 46), rhythm.cadence - 4)
    if day.weekday() in rhythm.run_days:
        early = rng.random() < 0.5
        start = wake + 10 if early else rng.randrange(1080, 1180)
        walk(start, rng.randrange(22, 56), rhythm.cadence + 54, 6)
    return bytes(steps)


def _counted(device: Device, truth: bytes, person: Person, rng: random.Random) -> bytes:
    """What the device saw of the truth.

    A watch sees all while worn; a phone never sees more, unless it is shaken. A watch is charged
    for whole quarter hours, so in each of them it saw all or nothing.
    """
    rhythm, counted = person.rhythm, bytearray(truth)
    if device.kind is DeviceKind.WATCH:
        charging = rng.randrange(rhythm.wake, rhythm.bed - 90) // QUARTER * QUARTER
        _blank(counted, charging, rng.randrange(3, 7) * QUARTER)
        return bytes(counted)
    for _ in range(rng.randrange(2, 6)):
        _blank(counted, rng.randrange(rhythm.wake, rhythm.bed), rng.randrange(20, 80))
    share = rng.randrange(90, 99)
    seen = bytearray(counted).translate(bytes(steps * share // 100 for steps in range(256)))
    if person.shakes:
        seen[SHAKEN.start : SHAKEN.stop] = bytes([SHAKEN_STEPS]) * len(SHAKEN)
    return bytes(seen)


def _piece(device: Device, person: Person) -> int:
    """A watch beside a phone sends whole quarter hours.

    So in each of them the watch has all that was walked or nothing, and merging by the minute, as
    the vendor does, is the same as merging by the quarter hour.
    """
    return QUARTER if device.kind is DeviceKind.WATCH and len(person.devices) > 1 else 1


def _blank(steps: bytearray, start: int, length: int) -> None:
    end = min(start + length, len(steps))
    steps[start:end] = bytes(max(0, end - start))


def _uploads(person: Person, start_ms: int, minutes: int, rng: random.Random) -> tuple[int, ...]:
    rate, end_ms = 1 / person.rhythm.upload_gap_min, start_ms + minutes * MINUTE_MS
    moments: list[int] = []
    moment = start_ms
    while moment < end_ms:
        gap_min = min(LONGEST_GAP_MIN, 0.2 + rng.expovariate(rate))
        moment += int(gap_min * MINUTE_MS)
        moments.append(moment)
    return tuple(moments)


def _typed_in(start_ms: int, rng: random.Random) -> tuple[Typed, ...]:
    """Up to two entries: a quarter hour of the day, and when it was remembered and typed in."""
    entries = []
    for _ in range(rng.choice((0, 1, 1, 1, 2))):
        start = start_ms + rng.randrange(28, 84) * 15 * MINUTE_MS
        end = start + rng.randrange(6, 15) * MINUTE_MS + MINUTE_MS // 2
        arrived = end + rng.randrange(1, 180) * MINUTE_MS + rng.randrange(MINUTE_MS)
        entries.append(Typed(start, end, arrived, rng.randrange(300, 2200)))
    return tuple(sorted(entries, key=lambda entry: entry.start_ms))
