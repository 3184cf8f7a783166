"""How many connections may be open: in this process, of one address and of one person."""

from collections import Counter
from functools import partial

from domain.settings import Settings
from web.counters import CONNECTIONS
from web.errors import TooMany
from web.live.connection import Connection


class Crowd:
    """Everyone who is connected to this process."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.live_connections
        self._most_of_address = settings.live_connections_per_address
        self._most_of_person = settings.live_connections_per_person
        self._connections: set[Connection] = set()
        self._of: Counter[str] = Counter()

    def __len__(self) -> int:
        """Count the connections."""
        return len(self._connections)

    def everyone(self) -> list[Connection]:
        """Return all connections."""
        return list(self._connections)

    def check_address(self, address: str) -> None:
        """Raise TooMany when the process is full, or holds enough of an address."""
        if len(self._connections) >= self._most:
            raise TooMany("Every place here is taken.", code="too_many_connections")
        self._check(f"address {address}", self._most_of_address)

    def check_person(self, name: str) -> None:
        """Raise TooMany when someone has enough connections."""
        self._check(f"person {name}", self._most_of_person)

    def add(self, connection: Connection, address: str) -> None:
        """Count a connection until it is over."""
        self._connections.add(connection)
        CONNECTIONS.inc()
        connection.on_gone(partial(self._forget, connection))
        self._count(connection, f"address {address}")

    def know(self, connection: Connection, name: str) -> None:
        """Count a connection as someone's until it is over."""
        self._count(connection, f"person {name}")

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        CONNECTIONS.dec()

    def _check(self, whose: str, most: int) -> None:
        if self._of[whose] >= most:
            raise TooMany("Close another connection first.", code="too_many_connections")

    def _count(self, connection: Connection, whose: str) -> None:
        self._of[whose] += 1
        connection.on_gone(partial(self._uncount, whose))

    def _uncount(self, whose: str) -> None:
        self._of[whose] -= 1
        if not self._of[whose]:
            del self._of[whose]
