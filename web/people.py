"""Who is behind a checked token, remembered for a while."""

import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

from domain import clock
from domain.people import person_of
from models import Competition, Person
from web.bounded import BoundedMap
from web.identity import Identity
from worker.unit import Unit

REMEMBERED = 20_000
NEVER = datetime.max.replace(tzinfo=UTC)
FRESH_SECONDS = 60.0
"""After this the row is read again: another process may have changed or erased it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Someone with a valid token, and their row as it was read, detached from any session."""

    identity: Identity
    person: Person

    @property
    def user_id(self) -> uuid.UUID:
        """The public id."""
        return self.person.user_id

    @property
    def name(self) -> str:
        """Who calls, when repeats and limits are counted."""
        return str(self.person.user_id)

    @property
    def is_admin(self) -> bool:
        """Whether the token says so."""
        return self.identity.is_admin

    @property
    def author_id(self) -> int:
        """The key under which what they do is written down."""
        return self.person.id

    def directs(self, competition: Competition) -> bool:
        """Say whether it is theirs to direct."""
        return self.is_admin or competition.organiser_id == self.person.id


NOBODY = Caller(
    Identity(uuid.UUID(int=0), "", "UTC", is_admin=False, expires_at=NEVER),
    Person(id=0, user_id=uuid.UUID(int=0)),
)
"""Someone without a credential: they see what is public, and stand on no board."""


class People:
    """Finds people's rows by token, making them at the first sight."""

    def __init__(self, unit: Callable[[], AbstractContextManager[Unit]]) -> None:
        self._unit = unit
        self._known: BoundedMap[uuid.UUID, tuple[float, Person]] = BoundedMap(REMEMBERED)

    def behind(self, identity: Identity) -> Caller:
        """Return the caller. Needs no request."""
        known = self._known.get(identity.sub)
        if known is not None and known[0] > time.monotonic():
            return Caller(identity, known[1])
        with self._unit() as unit:
            person = person_of(
                unit.session, identity.sub, identity.name, identity.timezone, clock.now()
            )
        self._known.put(identity.sub, (time.monotonic() + FRESH_SECONDS, person))
        return Caller(identity, person)

    def forget(self, sub: uuid.UUID) -> None:
        """Read the row again at the next request."""
        self._known.drop(sub)
