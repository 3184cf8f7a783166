"""Pages of boards as bytes, held by position: while a board stands still, nobody is asked.

A page is everything but the caller's own row, which is put between its two halves.
"""

import threading
import uuid
from typing import NamedTuple

import structlog
from redis.exceptions import RedisError

from domain import clock
from domain.leaderboards.board import Place, Position
from domain.leaderboards.names import Names
from domain.leaderboards.store import BoardStore
from web.board_bytes import NOT_THERE, Halves, halves, mine
from web.board_facts import Facts
from web.board_views import View, Wanted
from web.bounded import BoundedMap
from web.live.positions import Positions

log = structlog.get_logger(__name__)

PAGES = 256
LONGEST = 200
"""Rows of the longest page that is held."""
VIEWS = 5_000
SHORT = 25
"""Rows of the longest other view that is held: these are each caller's own."""
CALLERS = 50_000
WAIT_SECONDS = 1.0
"""Whoever waits longer for Redis goes another way."""

PageKey = tuple[uuid.UUID, int, int]
"""Competition, start and number of rows."""


class Shown(NamedTuple):
    """An answer's bytes, and the position that they show."""

    body: bytes
    position: Position


class _Held(NamedTuple):
    position: Position
    halves: Halves


class _Mine(NamedTuple):
    position: Position
    entry: bytes


class BoardPages:
    """Reads boards from Redis. Where a method returns None, Redis has no such board now."""

    def __init__(self, positions: Positions, boards: BoardStore, names: Names) -> None:
        self._positions = positions
        self._boards = boards
        self._names = names
        self._pages: BoundedMap[PageKey, _Held] = BoundedMap(PAGES)
        self._views: BoundedMap[tuple[uuid.UUID, str, str], Shown] = BoundedMap(VIEWS)
        self._mine: BoundedMap[tuple[uuid.UUID, str], _Mine] = BoundedMap(CALLERS)
        self._reading = threading.Lock()

    def position(self, competition_id: uuid.UUID) -> Position | None:
        """Return where the board stands, and keep following it."""
        self._positions.follow(competition_id)
        return self._positions.current(competition_id)

    def page(self, facts: Facts, at: Position, wanted: Wanted) -> Shown | None:
        """Return consecutive rows, not older than `at`, with the caller's own."""
        key = (wanted.competition_id, wanted.query.start, wanted.query.rows)
        return self._held(key, at, wanted.me) or self._read(facts, key, at, wanted)

    def view(self, facts: Facts, at: Position, wanted: Wanted) -> Shown | None:
        """Return any rows, not older than `at`, with the caller's own."""
        key = (wanted.competition_id, wanted.name, wanted.me)
        held = self._views.get(key)
        if held is not None and _is_new_enough(held.position, at):
            return held
        found = self._ask(wanted)
        if found is None:
            return None
        page, place = found
        names = self._names.of([*(row.user_id for row in page.rows), wanted.me])
        whole = halves(facts, page, names, clock.now())
        own = NOT_THERE if place is None else mine(wanted.me, place, names)
        shown = Shown(whole.around(own), page.position)
        if len(page.rows) <= SHORT:
            self._views.put(key, shown)
        return shown

    def _ask(self, wanted: Wanted) -> View | None:
        try:
            return wanted.from_redis(self._boards)
        except RedisError as error:
            log.warning("boards.unreadable", error=str(error))
            return None

    def _held(self, key: PageKey, at: Position, me: str) -> Shown | None:
        held = self._pages.get(key)
        if held is None or not _is_new_enough(held.position, at):
            return None
        own = self._mine.get((key[0], me))
        if own is None or own.position != held.position:
            own = self._find(key[0], me)
        if own is None or own.position != held.position:
            return None
        return Shown(held.halves.around(own.entry), held.position)

    def _find(self, competition_id: uuid.UUID, me: str) -> _Mine | None:
        """Ask for the caller's own row alone, which is far less than a page."""
        try:
            found = self._boards.places(competition_id, [me])
        except RedisError as error:
            log.warning("boards.unreadable", error=str(error))
            return None
        if found is None:
            return None
        position, places = found
        return self._remember(competition_id, position, me, places[me])

    def _read(self, facts: Facts, key: PageKey, at: Position, wanted: Wanted) -> Shown | None:
        """Read page and row in one script; of many callers at once, one does it for all."""
        if not self._reading.acquire(timeout=WAIT_SECONDS):
            return None
        try:
            return self._held(key, at, wanted.me) or self._renew(facts, key, wanted)
        finally:
            self._reading.release()

    def _renew(self, facts: Facts, key: PageKey, wanted: Wanted) -> Shown | None:
        if (found := self._ask(wanted)) is None:
            return None
        page, place = found
        names = self._names.of([row.user_id for row in page.rows])
        whole = halves(facts, page, names, clock.now())
        own = self._remember(wanted.competition_id, page.position, wanted.me, place)
        if wanted.query.rows <= LONGEST:
            self._pages.put(key, _Held(page.position, whole))
        return Shown(whole.around(own.entry), page.position)

    def _remember(
        self, competition_id: uuid.UUID, position: Position, me: str, place: Place | None
    ) -> _Mine:
        encoded = NOT_THERE if place is None else mine(me, place, self._names.of([me]))
        own = _Mine(position, encoded)
        self._mine.put((competition_id, me), own)
        return own


def _is_new_enough(held: Position, at: Position) -> bool:
    return held.epoch == at.epoch and held.offset >= at.offset
