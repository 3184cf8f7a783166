"""How often each path was called, by whom, and with what answer."""

from collections import Counter
from typing import Any, NamedTuple

CUT = 0
"""The status of a call that got no answer."""


class Call(NamedTuple):
    method: str
    path: str
    person: str | None
    status: int


class Calls:
    def __init__(self) -> None:
        self._counts: Counter[Call] = Counter()

    def count(self, call: Call) -> None:
        self._counts[call] += 1

    def clear(self) -> None:
        self._counts.clear()

    def listed(self, path: str | None = None, person: str | None = None) -> dict[str, Any]:
        """The counters that match, and their sum."""
        found = {
            call: count
            for call, count in self._counts.items()
            if (path is None or call.path.startswith(path)) and person in (None, call.person)
        }
        return {
            "total": sum(found.values()),
            "items": [{**call._asdict(), "count": count} for call, count in found.items()],
        }
