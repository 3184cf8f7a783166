"""Boards from PostgreSQL: the table while Redis has none, the standing of what is finished.

One query at a time for each board, and what it answered is kept for a second: rows for everybody,
a place for its own caller.
"""

import hashlib
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple, TypeVar

from domain import clock
from domain.errors import NotFound, Unavailable
from domain.leaderboards.names import Names
from web.board_bytes import NOT_THERE, Halves, halves, mine
from web.board_facts import Facts
from web.board_views import Wanted
from web.bounded import BoundedMap
from web.turns import Turns
from worker.unit import Unit

FRESH_SECONDS = 1.0
WAIT_SECONDS = 3.0
LONGEST_QUEUE = 200
"""Callers who wait for one board; others are asked to come again."""
AT_ONCE = 4
"""Queries, of the process's twenty connections."""
VIEWS = 1_000
CALLERS = 20_000

Kept = TypeVar("Kept")
Key = tuple[uuid.UUID, int, str]
"""Competition, version of its standing or 0, and which rows or whose place."""


class Read(NamedTuple):
    """An answer's bytes, and a tag that changes with all in them but the time."""

    body: bytes
    tag: str


class BoardTable:
    """The slow way, which must not hurt the database when everybody has to take it."""

    def __init__(self, unit: Callable[[], AbstractContextManager[Unit]], names: Names) -> None:
        self._unit = unit
        self._names = names
        self._turns = Turns(at_once=AT_ONCE, longest=LONGEST_QUEUE, wait_seconds=WAIT_SECONDS)
        self._views: BoundedMap[Key, tuple[float, Halves]] = BoundedMap(VIEWS)
        self._mine: BoundedMap[Key, tuple[float, bytes]] = BoundedMap(CALLERS)

    def view(self, facts: Facts, wanted: Wanted) -> Read:
        """Return the encoded view. Raises Unavailable when too many ask at once."""
        board, version = facts.competition_id, facts.frozen.version if facts.frozen else 0
        of_rows, of_place = (board, version, wanted.name), (board, version, wanted.me)
        rows = self._keep(self._views, of_rows, lambda: self._rows(facts, wanted))
        place = self._keep(self._mine, of_place, lambda: self._place(facts, wanted))
        # Names may change while a version stands.
        digest = hashlib.blake2b(rows.before + place, digest_size=12).hexdigest()
        return Read(rows.around(place), f"{version}.{digest}")

    def _keep(
        self,
        answers: BoundedMap[Key, tuple[float, Kept]],
        key: Key,
        ask: Callable[[], Kept],
    ) -> Kept:
        """Return what was answered lately, else ask when it is this board's turn."""
        if (kept := _fresh(answers.get(key))) is not None:
            return kept
        refusal = Unavailable("Too many ask for this board.", code="board_unavailable")
        with self._turns.take(key[0], refusal):
            if (kept := _fresh(answers.get(key))) is not None:
                return kept
            answer = ask()
            answers.put(key, (time.monotonic() + FRESH_SECONDS, answer))
            return answer

    def _rows(self, facts: Facts, wanted: Wanted) -> Halves:
        with self._unit() as unit:
            page = wanted.from_postgres(unit.session, facts.frozen)
        if page is None:
            raise NotFound("There is no such competition for you.", code="competition_not_found")
        names = self._names.of([row.user_id for row in page.rows])
        return halves(facts, page, names, clock.now())

    def _place(self, facts: Facts, wanted: Wanted) -> bytes:
        with self._unit() as unit:
            place = wanted.place_from_postgres(unit.session, facts.frozen)
        return NOT_THERE if place is None else mine(wanted.me, place, self._names.of([wanted.me]))


def _fresh(kept: tuple[float, Kept] | None) -> Kept | None:
    return kept[1] if kept is not None and kept[0] > time.monotonic() else None
