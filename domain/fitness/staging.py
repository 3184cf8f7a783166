"""Days on their way into the slot table: rows of the staging table in COPY's binary format.

As text, every number would be printed here and read there; that was the dearest part of a write.
Formats: PostgreSQL's manual, COPY, "Binary Format", and the source of `array_send`.
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from struct import Struct

from domain.fitness.readings import DayRow
from domain.fitness.windows import SLOTS_PER_DAY

TABLE = (
    "CREATE TEMPORARY TABLE staged (person_id bigint, metric text, source text, day date,"
    " class text, low integer, high integer, slots integer[]) ON COMMIT DROP"
)
COPY = "COPY staged FROM STDIN (FORMAT BINARY)"
SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

_PERSON = Struct(">hiq")
_DAY = Struct(">ii")
_FRAME = Struct(">4i6i")
_COLUMNS = 8
_INT4 = 23
"""Type of the array's elements: pg_type's oid, which never changes."""
_NULL = b"\xff\xff\xff\xff"
_DAY_ZERO = date(2000, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class SourceDay:
    """A day's part of one source of one person."""

    person_id: int
    source: str
    row: DayRow


def packed(day: SourceDay) -> bytes:
    """Return the day as a row of the staging table; slots outside of its part are null."""
    row = day.row
    before, numbers, lengths, after = _frame(row.low, row.high)
    slots = bytearray(numbers.pack(*row.values))
    slots[3::8] = lengths
    return b"".join(
        (
            _PERSON.pack(_COLUMNS, 8, day.person_id),
            _text(row.metric),
            _text(day.source),
            _DAY.pack(4, row.day.toordinal() - _DAY_ZERO),
            _text(row.slot_class),
            before,
            slots,
            after,
        )
    )


def digest(said_of: bytes, rows: bytes) -> str:
    """Return what tells packed rows, and what they speak of, from others: 96 bits of BLAKE2b."""
    hashed = hashlib.blake2b(said_of + b"\n", digest_size=12)
    hashed.update(rows)
    return hashed.hexdigest()


@lru_cache(maxsize=4096)
def _text(value: str) -> bytes:
    encoded = value.encode()
    return len(encoded).to_bytes(4) + encoded


@lru_cache(maxsize=SLOTS_PER_DAY * SLOTS_PER_DAY)
def _frame(low: int, high: int) -> tuple[bytes, Struct, bytes, bytes]:
    """Return what stands around the slots [low, high), how they are packed, and their lengths.

    Each is a length of four bytes, whose last is 4, and a number.
    """
    count = high - low
    nulls = SLOTS_PER_DAY - count
    size = 20 + 8 * count + 4 * nulls
    head = _FRAME.pack(4, low, 4, high, size, 1, int(nulls > 0), _INT4, SLOTS_PER_DAY, 1)
    numbers = Struct(">" + "4xi" * count)
    return head + _NULL * low, numbers, b"\x04" * count, _NULL * (SLOTS_PER_DAY - high)
