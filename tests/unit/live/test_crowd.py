"""How many may be connected."""

from typing import Any, cast

import pytest

from domain.settings import Settings
from web.errors import TooMany
from web.live.connection import Connection
from web.live.crowd import Crowd


class Line:
    """A connection without a network."""

    def __init__(self) -> None:
        self.ends: list[Any] = []
        self.on_gone = self.ends.append


def crowd(**limits: int) -> Crowd:
    names = ("live_connections", "live_connections_per_address", "live_connections_per_person")
    given: dict[str, Any] = {name: limits.get(name, 100) for name in names}
    return Crowd(Settings.model_construct(**given))


def join(here: Crowd, address: str = "192.0.2.1", name: str = "me") -> Line:
    here.check_address(address)
    here.check_person(name)
    line = Line()
    here.add(cast("Connection", line), address)
    here.know(cast("Connection", line), name)
    return line


@pytest.mark.parametrize(
    ("limit", "other"),
    [
        ("live_connections", None),
        ("live_connections_per_address", {"address": "192.0.2.2"}),
        ("live_connections_per_person", {"name": "you"}),
    ],
)
def test_a_limit(limit: str, other: dict[str, str] | None) -> None:
    here = crowd(**{limit: 2})
    first, _ = join(here), join(here)
    with pytest.raises(TooMany):
        join(here)
    if other is not None:
        join(here, **other)
    for end in first.ends:
        end()
    join(here)
