"""The calendar days of a competition's zone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class LocalDay:
    """A calendar date and the half-open stretch of time, in UTC, that it covers."""

    day: date
    start: datetime
    end: datetime


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of a local date, in UTC.

    Where the clock jumps over midnight the date begins at the jump; where midnight comes twice it
    begins at the first.
    """
    local = datetime.combine(day, time(), tzinfo=zone)
    return local.astimezone(UTC)


def days_of(starts_at: datetime, ends_at: datetime, timezone: str) -> Iterator[LocalDay]:
    """Yield the local days that [starts_at, ends_at) touches, the outer ones cut to it.

    A day lasts 23 or 25 hours when the clock changes; a date that a zone skipped does not appear.
    """
    zone = ZoneInfo(timezone)
    day = starts_at.astimezone(zone).date()
    while (start := midnight(day, zone)) < ends_at:
        end = midnight(day + timedelta(days=1), zone)
        if max(start, starts_at) < min(end, ends_at):
            yield LocalDay(day, max(start, starts_at), min(end, ends_at))
        day += timedelta(days=1)


def end_of_same_length(
    starts_at: datetime, ends_at: datetime, timezone: str, new_start: datetime
) -> datetime:
    """Return where a stretch that begins at `new_start` ends, in UTC.

    From a day on, what stays is the length on the wall clock: a week from midnight to midnight is
    one still when the clock changes in it.
    """
    if ends_at - starts_at < timedelta(days=1):
        return new_start + (ends_at - starts_at)
    zone = ZoneInfo(timezone)
    old, end, new = (
        moment.astimezone(zone).replace(tzinfo=None) for moment in (starts_at, ends_at, new_start)
    )
    return (new + (end - old)).replace(tzinfo=zone).astimezone(UTC)
