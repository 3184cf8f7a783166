"""People with connections, pulls that are claimed, and readings made up slot by slot."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Engine

from domain import clock
from domain.fitness.fetched import Fetched
from domain.fitness.ingest import Written, write
from domain.fitness.providers.base import Pulled
from domain.fitness.queue import Claim, claim
from domain.fitness.readings import Readings, Stream
from domain.fitness.syncs import request_sync
from domain.fitness.vault import Vault
from domain.fitness.windows import QUARTER, Window
from models import FitnessConnection, FitnessToken, Person
from models.slots import Metric
from tests.factories import START, Factory
from worker.unit import unit_of_work


class Pulls:
    """Drives the queue and the writer as the task does."""

    def __init__(self, engine: Engine, factory: Factory, vault: Vault) -> None:
        self.engine = engine
        self.factory = factory
        self.vault = vault

    def connect(self, person: Person) -> FitnessConnection:
        """Connect someone with a token that lasts an hour."""
        connection = self.factory.connection(person)
        with unit_of_work(self.engine) as unit:
            unit.session.add(
                FitnessToken(
                    connection_id=connection.id,
                    refresh_token=self.vault.seal("refresh"),
                    access_token=self.vault.seal("access"),
                    expires_at=clock.now() + timedelta(hours=1),
                    version=1,
                )
            )
        return connection

    def ask(self, *people: Person) -> None:
        """Queue a sync for each."""
        for person in people:
            with unit_of_work(self.engine) as unit:
                request_sync(unit.session, person, None, clock.now())

    def claim(self, limit: int = 500) -> list[Claim]:
        """Claim what is due."""
        with unit_of_work(self.engine) as unit:
            return claim(unit.session, limit, clock.now())

    def claimed(self, *people: Person) -> list[Claim]:
        """Ask and claim, in the order of the people."""
        self.ask(*people)
        by_person = {one.person_id: one for one in self.claim()}
        return [by_person[person.id] for person in people]

    def write(self, *batch: Fetched, now: datetime | None = None) -> Written:
        """Write a batch in one unit."""
        with unit_of_work(self.engine) as unit:
            return write(unit.session, batch, now or clock.now())

    def sync(self, person: Person, fetched: "Fetch") -> Written:
        """Ask, claim and write."""
        (held,) = self.claimed(person)
        return self.write(fetched.by(held))


class Fetch:
    """Readings of steps over a window; values by slot number, in whole steps."""

    def __init__(
        self,
        measured: Mapping[int, int],
        manual: Mapping[int, int] | None = None,
        *,
        start: datetime = START,
        slots: int = 96,
        metric: Metric = Metric.STEPS,
    ) -> None:
        self.window = Window(start, start + slots * QUARTER)
        self.stream = Stream(metric, self._list(measured), self._list(manual or {}))

    def _list(self, values: Mapping[int, int]) -> list[int]:
        return [values.get(slot, 0) * 1000 for slot in range(self.window.slots)]

    def by(self, held: Claim) -> Fetched:
        """Say that this is what a claim brought."""
        readings = Readings("google_fit", self.window, [self.stream])
        return Fetched.of(held, Pulled(readings, ("raw:x",), clock.now()))
