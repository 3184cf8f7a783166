"""A record's value, spread over the quarter hours that it spans."""

from datetime import UTC, date, datetime, timedelta

from domain.fitness.windows import SLOTS_PER_DAY

QUARTER_US = 15 * 60 * 1_000_000
_EPOCH = datetime.fromtimestamp(0, tz=UTC)
_EPOCH_DAY = _EPOCH.date()
_DAY_US = SLOTS_PER_DAY * QUARTER_US


Part = tuple[int, int]
"""A slot, numbered from the start of 1970, UTC, and what falls into it."""


def day_of(days: int) -> date:
    """Return the UTC day that comes so many days after 1 January 1970."""
    return _EPOCH_DAY + timedelta(days=days)


def day_number(day: date) -> int:
    """Return how many days a UTC day comes after 1 January 1970."""
    return (day - _EPOCH_DAY).days


def spread(value: int, start: datetime, end: datetime) -> list[Part]:
    """Share `value` out over the quarter hours of [start, end) by overlap; the parts sum to it.

    Each gets its whole share; what is left goes by one to the largest remainders, the earlier slot
    first among equals (Hamilton's method). A record without length falls into its slot whole.
    """
    low, high = _microseconds(start), _microseconds(end)
    first, last = low // QUARTER_US, (max(high, low + 1) - 1) // QUARTER_US
    if first == last:
        return [(first, value)]
    length = high - low
    shares: list[tuple[int, int]] = []
    for slot in range(first, last + 1):
        overlap = min(high, (slot + 1) * QUARTER_US) - max(low, slot * QUARTER_US)
        shares.append(divmod(value * overlap, length))
    left = value - sum(whole for whole, _ in shares)
    by_remainder = sorted(range(len(shares)), key=lambda n: -shares[n][1])
    favoured = set(by_remainder[:left])
    return [(first + n, whole + (n in favoured)) for n, (whole, _) in enumerate(shares)]


def _microseconds(moment: datetime) -> int:
    since = moment - _EPOCH
    return since.days * _DAY_US + since.seconds * 1_000_000 + since.microseconds
