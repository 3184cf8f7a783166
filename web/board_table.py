"""Boards from PostgreSQL while Redis has none: one query at a time, kept for a second."""

import threading
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager

from domain import clock
from domain.errors import NotFound, Unavailable
from domain.leaderboards.names import Names
from web.board_bytes import entry, halves
from web.board_facts import Facts
from web.board_views import Wanted
from web.bounded import BoundedMap
from worker.unit import Unit

FRESH_SECONDS = 1.0
WAIT_SECONDS = 3.0
ANSWERS = 1000

Key = tuple[uuid.UUID, str, str]


class BoardTable:
    """The slow way, which must not hurt the database when everybody has to take it."""

    def __init__(self, unit: Callable[[], AbstractContextManager[Unit]], names: Names) -> None:
        self._unit = unit
        self._names = names
        self._answers: BoundedMap[Key, tuple[float, bytes]] = BoundedMap(ANSWERS)
        self._asking = threading.Lock()

    def view(self, facts: Facts, wanted: Wanted) -> bytes:
        """Return the encoded view. Raises Unavailable when too many ask at once."""
        key = (facts.competition_id, wanted.name, wanted.me)
        if (kept := self._kept(key)) is not None:
            return kept
        if not self._asking.acquire(timeout=WAIT_SECONDS):
            raise Unavailable("Boards are being rebuilt.", code="board_unavailable")
        try:
            return self._kept(key) or self._ask(key, facts, wanted)
        finally:
            self._asking.release()

    def _kept(self, key: Key) -> bytes | None:
        kept = self._answers.get(key)
        return kept[1] if kept is not None and kept[0] > time.monotonic() else None

    def _ask(self, key: Key, facts: Facts, wanted: Wanted) -> bytes:
        with self._unit() as unit:
            found = wanted.from_table(unit.session)
        if found is None:
            raise NotFound("There is no such competition for you.", code="competition_not_found")
        page, mine = found
        rows = [*page.rows, *([mine] if mine else [])]
        names = self._names.of([row.user_id for row in rows])
        whole = halves(facts, page, names, clock.now())
        body = whole.around(b"null" if mine is None else entry(mine, names))
        self._answers.put(key, (time.monotonic() + FRESH_SECONDS, body))
        return body
