"""Days on their way into the slot table: rows of the staging table in COPY's binary format.

As text, every number would be printed here and read there; that was the dearest part of a write.
Formats: PostgreSQL's manual, COPY, "Binary Format", and the source of `array_send`.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from struct import Struct

from domain.fitness.readings import Readings
from domain.fitness.windows import SLOTS_PER_DAY
from models.slots import Metric, SlotClass

TABLE = (
    "CREATE TEMPORARY TABLE staged (person_id bigint, metric text, source text, class text,"
    " day date, low integer, high integer, slots integer[]) ON COMMIT DROP"
)
COPY = "COPY staged FROM STDIN (FORMAT BINARY)"
SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

_COLUMNS = 8
_PERSON = Struct(">hiq")
_PART = Struct(">6i")
_ARRAY = Struct(">6i")
_ELEMENT_BYTES = 8
_INT4 = 23
"""Type of the array's elements: pg_type's oid, which never changes."""
_NULL = b"\xff\xff\xff\xff"
_DAY_ZERO = date(2000, 1, 1).toordinal()


def packed(
    person_id: int,
    source: str,
    metric: Metric,
    slot_class: SlotClass,
    part: tuple[date, int, int],
    values: Sequence[int],
) -> bytes:
    """Return a row of the staging table: a day and the slots [low, high) of its 96.

    The slots outside of that part are null.
    """
    before, after = _frame(*part)
    return _series(person_id, source, metric, slot_class) + before + _elements(values) + after


def packed_days(person_id: int, readings: Readings) -> Iterator[tuple[date, bytes]]:
    """Yield rows with their days: a measured one of each stream and day, a manual one if any is."""
    source = readings.source
    parts = [
        ((day, low, high), index, index + high - low, *_frame(day, low, high))
        for day, low, high, index in readings.window.days()
    ]
    for stream in readings.streams:
        measured = _elements(stream.measured)
        series = _series(person_id, source, stream.metric, SlotClass.MEASURED)
        typed = stream.manual if any(stream.manual) else []
        for part, start, stop, before, after in parts:
            slots = measured[start * _ELEMENT_BYTES : stop * _ELEMENT_BYTES]
            yield part[0], b"".join((series, before, slots, after))
            if any(by_hand := typed[start:stop]):
                manual = SlotClass.MANUAL
                yield part[0], packed(person_id, source, stream.metric, manual, part, by_hand)


def digest(said_of: bytes, rows: bytes) -> str:
    """Return what tells packed rows, and what they speak of, from others: 96 bits of BLAKE2b."""
    hashed = hashlib.blake2b(said_of + b"\n", digest_size=12)
    hashed.update(rows)
    return hashed.hexdigest()


def _series(person_id: int, source: str, metric: Metric, slot_class: SlotClass) -> bytes:
    return b"".join(
        (_PERSON.pack(_COLUMNS, 8, person_id), _text(metric), _text(source), _text(slot_class))
    )


@lru_cache(maxsize=4096)
def _text(value: str) -> bytes:
    encoded = value.encode()
    return len(encoded).to_bytes(4) + encoded


def _elements(values: Sequence[int]) -> bytes:
    """Return numbers as an array's elements: each a length of four bytes, 4, and the number."""
    elements = bytearray(_numbers(len(values)).pack(*values))
    elements[3::_ELEMENT_BYTES] = b"\x04" * len(values)
    return bytes(elements)


@lru_cache(maxsize=4096)
def _numbers(count: int) -> Struct:
    return Struct(">" + "4xi" * count)


@lru_cache(maxsize=4096)
def _frame(day: date, low: int, high: int) -> tuple[bytes, bytes]:
    """Return what stands before and after the slots [low, high) of a day."""
    nulls = SLOTS_PER_DAY - (high - low)
    size = _ARRAY.size - 4 + _ELEMENT_BYTES * (high - low) + len(_NULL) * nulls
    part = _PART.pack(4, day.toordinal() - _DAY_ZERO, 4, low, 4, high)
    array = _ARRAY.pack(size, 1, int(nulls > 0), _INT4, SLOTS_PER_DAY, 1)
    return part + array + _NULL * low, _NULL * (SLOTS_PER_DAY - high)
