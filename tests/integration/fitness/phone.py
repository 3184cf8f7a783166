"""A phone that uploads, and what its person's slots must then be."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from domain import clock
from domain.fitness.records import CLASSES, Result, Uploaded
from domain.fitness.spreading import day_of, spread
from domain.fitness.uploads import upload
from models import Person, Record, SlotDay
from models.record import Platform
from models.slots import Metric, SlotClass
from tests.factories import START
from worker.unit import unit_of_work


@dataclass(frozen=True)
class Device:
    """What measured."""

    type: str | None = "phone"
    manufacturer: str | None = "Google"
    model: str | None = "Pixel 8"


PHONE = Device()
WATCH = Device("watch", "Google", "Pixel Watch")


@dataclass(frozen=True)
class Sent:
    """A record as a phone sends it; ten minutes of the default start if nothing else is said."""

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    metric: str = "steps"
    start: str = START.isoformat()
    end: str = (START + timedelta(minutes=10)).isoformat()
    utc_offset_s: int | None = 3600
    value: float = 100
    origin: str = "com.example.health"
    device: Device | None = PHONE
    recording_method: str = "automatic"
    last_modified: str | None = None
    version: int | None = None

    def but(self, **changes: Any) -> "Sent":
        """Return it with changes, under the same id."""
        return replace(self, **changes)


def at(minutes: float, length: float = 10, **columns: Any) -> Sent:
    """Return a record that starts so many minutes after the default start."""
    start = START + timedelta(minutes=minutes)
    return Sent(
        start=start.isoformat(), end=(start + timedelta(minutes=length)).isoformat(), **columns
    )


@dataclass(frozen=True)
class Phone:
    """Uploads for one person."""

    engine: Engine
    person: Person
    provider: Platform = Platform.HEALTH_CONNECT

    def upload(
        self, *sent: Sent, deletions: Iterable[str] = (), now: datetime | None = None
    ) -> Uploaded:
        """Upload in one unit."""
        with unit_of_work(self.engine) as unit:
            return upload(
                unit.session,
                self.person.id,
                self.provider,
                sent,
                list(deletions),
                now or clock.now(),
            )

    def send(self, *sent: Sent, deletions: Iterable[str] = ()) -> list[str]:
        """Upload, and return the codes or, where there is none, the statuses."""
        return list(map(word, self.upload(*sent, deletions=deletions).results))


def word(result: Result) -> str:
    """Return the code, or the status where there is none."""
    return str(result.code or result.status)


Slots = dict[tuple[int, Metric, str, date, SlotClass], dict[int, int]]
"""By row of the slot table, the slots that hold something."""


def stored_slots(session: Session) -> Slots:
    """Return what the slot table says, without rows of nothing."""
    session.rollback()
    session.expire_all()
    found: Slots = {}
    for row in session.scalars(select(SlotDay)):
        assert len(row.slots) == 96
        held = {number: value for number, value in enumerate(row.slots) if value}
        if held:
            found[row.person_id, row.metric, row.source, row.day, row.slot_class] = held
    return found


def slots_of_records(session: Session) -> Slots:
    """Spread every standing record anew."""
    session.rollback()
    session.expire_all()
    found: Slots = {}
    for row in session.scalars(select(Record).where(~Record.deleted)):
        assert row.metric is not None
        assert row.source is not None
        assert row.value is not None
        assert row.start_at is not None
        assert row.end_at is not None
        assert row.recording_method is not None
        slot_class = CLASSES[row.recording_method]
        for slot, value in spread(row.value, row.start_at, row.end_at):
            day, number = divmod(slot, 96)
            key = (row.person_id, row.metric, row.source, day_of(day), slot_class)
            if value:
                slots = found.setdefault(key, {})
                slots[number] = slots.get(number, 0) + value
    return found


def total(session: Session, slot_class: SlotClass = SlotClass.MEASURED) -> int:
    """Return the sum of all slots of a class, in thousandths."""
    return sum(
        sum(held.values()) for key, held in stored_slots(session).items() if key[-1] is slot_class
    )
