"""Which service is behind a key, remembered for some seconds."""

import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from domain import api_keys, clock
from models import ApiKey, Competition
from models.api_key import KeyScope
from web.bounded import BoundedMap
from web.errors import API_KEY, Unauthorised
from worker.unit import Unit

REMEMBERED = 10_000
FRESH_SECONDS = 5.0
"""A key that was revoked opens nothing after this, in any process."""


class KeyRefused(Unauthorised):
    """A key that opens nothing."""

    def __init__(self, detail: str, *, code: str) -> None:
        super().__init__(detail, code=code, schemes=(API_KEY,))


@dataclass(frozen=True, slots=True)
class Service:
    """A program with a valid key, and the key's row as it was read."""

    row: ApiKey

    @property
    def key_id(self) -> uuid.UUID:
        """The key's row."""
        return self.row.id

    @property
    def name(self) -> str:
        """Who calls, when repeats and limits are counted: the same for all keys of a service."""
        return f"service:{self.row.name}"

    @property
    def author_id(self) -> None:
        """No person did it."""
        return None

    def directs(self, _competition: Competition) -> bool:
        """Say that every competition is theirs to direct, within the scope of the key."""
        return True

    def may(self, scope: KeyScope) -> bool:
        """Say whether the key is for that."""
        return scope in self.row.scopes


class Services:
    """Finds services by their keys."""

    def __init__(self, unit: Callable[[], AbstractContextManager[Unit]]) -> None:
        self._unit = unit
        self._known: BoundedMap[bytes, tuple[float, ApiKey | None]] = BoundedMap(REMEMBERED)

    def behind(self, key: str) -> Service:
        """Return the service. Raises Unauthorised, and says more only to who has the whole key."""
        if not api_keys.is_whole(key):
            raise KeyRefused("This is no key: a sign is wrong.", code="key_malformed")
        row, now = self._row(key), clock.now()
        if row is None:
            raise KeyRefused("There is no such key.", code="key_unknown")
        if row.revoked_at is not None:
            raise KeyRefused("This key was revoked.", code="key_revoked")
        if row.expires_at is not None and row.expires_at <= now:
            raise KeyRefused("This key has expired.", code="key_expired")
        return Service(row)

    def _row(self, key: str) -> ApiKey | None:
        digest = api_keys.digest(key)
        known = self._known.get(digest)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        with self._unit() as unit:
            row = api_keys.recognise(unit.session, key, clock.now())
        self._known.put(digest, (time.monotonic() + FRESH_SECONDS, row))
        return row
