"""Which names of time zones mean the same everywhere."""

from functools import cache
from zoneinfo import available_timezones

NOT_A_PLACE = frozenset({"Factory", "localtime", "posixrules"})
"""Files beside the time zone database: what they say is the server's own business."""


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - NOT_A_PLACE)


def is_time_zone(name: str) -> bool:
    """Say whether the time zone database has this name, and it names a zone by itself."""
    return name in _zones()
