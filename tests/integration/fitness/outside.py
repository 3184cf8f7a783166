"""The sandbox beside a test: people of it connected here, pulls run, books compared."""

from datetime import UTC, datetime, time
from typing import Any

import requests
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from domain import clock
from domain.fitness.connections import connect
from domain.fitness.google_oauth import GoogleOAuth
from domain.fitness.syncs import request_sync
from domain.fitness.vault import Vault
from domain.fitness.windows import QUARTER
from domain.settings import Settings
from models import Person, Source, SyncRequest
from models.connection import Provider
from models.slots import SlotClass, SlotDay
from models.source import SourceKind
from models.sync import SyncStatus
from tasks import fitness
from tests.factories import Factory
from worker.unit import unit_of_work

FIT = "/fitness/v1/users/me"
KINDS = list(SourceKind)


class Outside:
    """The sandbox over its control path, and people of it who are connected here."""

    def __init__(self, url: str, engine: Engine, settings: Settings, factory: Factory) -> None:
        self.url = url
        self.engine = engine
        self.settings = settings
        self.factory = factory
        self.vault = Vault(settings.token_keys)
        self.oauth = GoogleOAuth(settings)

    def control(self, method: str, path: str, /, **body: Any) -> Any:
        """Call the control path."""
        answer = requests.request(
            method, f"{self.url}/control{path}", json=body or None, timeout=60
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def connected(self, name: str, query: str = "") -> Person:
        """Make someone of the sandbox a person here, connected by a real code."""
        grant = self.oauth.exchange(self.control("GET", f"/people/{name}/code{query}")["code"])
        person = self.factory.person()
        with unit_of_work(self.engine) as unit:
            connect(unit.session, self.vault, person, Provider.GOOGLE_FIT, grant, clock.now())
        return person

    def ask(self, *people: Person) -> None:
        """Queue a sync for each."""
        with unit_of_work(self.engine) as unit:
            for person in people:
                request_sync(unit.session, person, None, clock.now())

    def fault(self, path: str, **fault: Any) -> None:
        """Plan a fault."""
        self.control("POST", "/faults", path=path, **fault)

    def calls(self, path: str) -> int:
        """Count the calls of a path so far."""
        return int(self.control("GET", f"/calls?path={path}")["total"])


def pull() -> None:
    fitness.pull_batch.apply(throw=True)


def last_sync(session: Session, person: Person) -> SyncRequest:
    session.expire_all()
    return session.scalars(
        select(SyncRequest)
        .where(SyncRequest.person_id == person.id)
        .order_by(SyncRequest.id.desc())
        .limit(1)
    ).one()


def stored(session: Session, person: Person, slot_class: SlotClass) -> dict[str, int]:
    """Every slot that holds something, by metric and time: what the first believed device says."""
    session.expire_all()
    rows = session.execute(
        select(SlotDay.metric, SlotDay.day, SlotDay.slots, Source.kind)
        .join(Source, (Source.person_id == SlotDay.person_id) & (Source.key == SlotDay.source))
        .where(SlotDay.person_id == person.id, SlotDay.slot_class == slot_class)
    )
    found: dict[str, int] = {}
    for metric, day, slots, _ in sorted(rows, key=lambda row: -KINDS.index(row.kind)):
        midnight = datetime.combine(day, time(), tzinfo=UTC)
        found |= {
            f"{metric} {midnight + n * QUARTER:%F %R}": value
            for n, value in enumerate(slots)
            if value
        }
    return found


def truth(outside: Outside, name: str, sync: SyncRequest, kind: str) -> dict[str, int]:
    """The same from the sandbox's own books."""
    start, end = sync.window_from, sync.window_to
    assert start is not None
    assert end is not None
    found = outside.control(
        "GET", f"/people/{name}/truth?from={start:%Y-%m-%dT%TZ}&to={end:%Y-%m-%dT%TZ}"
    )
    return {
        f"{metric} {start + n * QUARTER:%F %R}": value
        for metric, values in found[kind].items()
        for n, value in enumerate(values)
        if value
    }


def check_books_agree(session: Session, outside: Outside, name: str, person: Person) -> None:
    sync = last_sync(session, person)
    assert sync.status is SyncStatus.SUCCEEDED
    for slot_class in (SlotClass.MEASURED, SlotClass.MANUAL):
        assert stored(session, person, slot_class) == truth(outside, name, sync, slot_class)
