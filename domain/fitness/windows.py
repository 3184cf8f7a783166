"""Stretches of time to fetch. All ends are aware UTC times on quarter hours."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

QUARTER = timedelta(minutes=15)
SLOTS_PER_DAY = 96
LOOK_BACK = timedelta(days=3)
"""Values are revised up to hours after the fact, and phones come online days later."""
LONGEST_CALL = timedelta(days=30)
"""Google Fit refuses aggregates over more."""

_EPOCH = datetime.fromtimestamp(0, tz=UTC)


def floor_quarter(moment: datetime) -> datetime:
    """Return the quarter hour that `moment` lies in."""
    return moment - (moment - _EPOCH) % QUARTER


def ceil_quarter(moment: datetime) -> datetime:
    """Return the first quarter hour at or after `moment`."""
    return moment + (_EPOCH - moment) % QUARTER


@dataclass(frozen=True)
class Window:
    """The half-open stretch [start, end)."""

    start: datetime
    end: datetime

    @property
    def slots(self) -> int:
        """How many quarter hours it has."""
        return (self.end - self.start) // QUARTER

    def calls(self) -> Iterator["Window"]:
        """Cut it into stretches that one call may ask for, oldest first."""
        start = self.start
        while start < self.end:
            end = min(start + LONGEST_CALL, self.end)
            yield Window(start, end)
            start = end

    def days(self) -> Iterator[tuple[date, int, int, int]]:
        """Yield each UTC day: date, first and last slot of the day (half-open), window index."""
        index, slots = 0, self.slots
        while index < slots:
            moment = self.start + index * QUARTER
            low = (moment.hour * 60 + moment.minute) // 15
            count = min(SLOTS_PER_DAY - low, slots - index)
            yield moment.date(), low, low + count, index
            index += count


def window_of_pull(
    *, synced_until: datetime | None, needed_from: datetime | None, now: datetime
) -> Window:
    """Return what an ordinary pull asks for.

    It goes back over what may still be revised and over everything since the cursor; the first one
    also over the time that the person's competitions have been running.
    """
    since = min(synced_until or now, now) - LOOK_BACK
    if synced_until is None and needed_from is not None:
        since = min(since, needed_from)
    return Window(floor_quarter(since), ceil_quarter(now))
