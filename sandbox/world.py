"""All state of one sandbox: its clock, its people, their data and money, faults and calls."""

from dataclasses import dataclass
from pathlib import Path

from sandbox.calls import Calls
from sandbox.clock import SandboxClock
from sandbox.diary import Diary, Extra, Origin
from sandbox.faults import Faults
from sandbox.grants import Grants
from sandbox.people import MAIL_DOMAIN, Person, make_person, stable_uuid
from sandbox.sessions import Sessions
from sandbox.signing_keys import KeyRing
from sandbox.store import KeptWalk, Store
from sandbox.stripe.platform import Platform


@dataclass(frozen=True)
class Client:
    """The web client that is registered at Google."""

    id: str = "sandbox-client"
    secret: str = "sandbox-secret"  # noqa: S105 - opens nothing but the sandbox


class World:
    """`people` are there from the start, numbered from 1; more can be added."""

    def __init__(
        self,
        people: int,
        *,
        seed: int = 1,
        data: Path | None = None,
        clock: SandboxClock | None = None,
        client: Client | None = None,
    ) -> None:
        self.seed = seed
        self.clock = clock or SandboxClock()
        self.client = client or Client()
        self.public_url = ""
        self.store = Store(data)
        self.keys = KeyRing(self.store)
        self.grants = Grants(self.store, self.clock, seed)
        self.sessions = Sessions(self.clock, seed)
        self.faults = Faults(seed)
        self.calls = Calls()
        self.stripe = Platform(data, self.clock, seed)
        self.admin_sub = stable_uuid(seed, "admin")
        self.people: dict[str, Person] = {}
        self._names: dict[str, Person] = {}
        self._diaries: dict[str, Diary] = {}
        self.grow(max(people, self.store.state.people))
        for walk in self.store.state.walks:
            self.diary(self.people[walk.person]).extras.append(_extra(walk))

    @property
    def admin_email(self) -> str:
        return f"admin@{MAIL_DOMAIN}"

    def find(self, name: str) -> Person | None:
        """A person by id, sub or e-mail address."""
        return self._names.get(name)

    def diary(self, person: Person) -> Diary:
        if person.id not in self._diaries:
            self._diaries[person.id] = Diary(person)
        return self._diaries[person.id]

    def grow(self, people: int) -> list[Person]:
        """The world holds at least so many people; the new ones are returned."""
        new = [make_person(self.seed, n) for n in range(len(self.people) + 1, people + 1)]
        for person in new:
            self.people[person.id] = person
            self._names.update({person.id: person, person.sub: person, person.email: person})
        return new

    def add_people(self, count: int) -> list[Person]:
        """People who stay, also over a restart."""
        new = self.grow(len(self.people) + count)
        self.store.state.people = len(self.people)
        self.store.save()
        return new

    def add_walks(self, person: Person, extras: list[Extra]) -> None:
        self.diary(person).extras.extend(extras)
        self.store.state.walks.extend(
            KeptWalk(
                person=person.id,
                origin=extra.origin,
                start_ms=extra.start_ms,
                end_ms=extra.end_ms,
                arrived_ms=extra.arrived_ms,
                minutes=list(extra.minutes),
            )
            for extra in extras
        )
        self.store.save()


def _extra(walk: KeptWalk) -> Extra:
    return Extra(
        Origin(walk.origin), walk.start_ms, walk.end_ms, walk.arrived_ms, tuple(walk.minutes)
    )
