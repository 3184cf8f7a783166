"""The one clock. Everything that asks for the time asks here, so tests can move it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

_offset = timedelta(0)


def now() -> datetime:
    """Return the present as an aware UTC time."""
    return datetime.now(UTC) + _offset


@contextmanager
def moved(by: timedelta) -> Iterator[None]:
    """Run the block with this process's clock moved by `by`."""
    global _offset  # noqa: PLW0603  the process has one clock
    before, _offset = _offset, _offset + by
    try:
        yield
    finally:
        _offset = before
