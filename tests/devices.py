"""Devices of a test, and how their days are stored."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from domain import clock
from domain.fitness.slot_store import changed_days, store_days
from domain.fitness.sources import SeenSource, make_known
from domain.fitness.staging import packed
from domain.locks import lock_for_data
from domain.scoring.recompute import ScoreKey, recompute_changed, recompute_people
from domain.scoring.review import review_days
from models import Participant, Person
from models.slots import Metric, SlotClass
from models.source import SourceKind
from tests.factories import START
from worker.unit import unit_of_work

SLOTS = 96


@dataclass(frozen=True)
class Device:
    """A source of a test: measured, manual and unknown values by slot of a day, in whole units."""

    kind: SourceKind
    measured: Mapping[int, int] = field(default_factory=dict)
    manual: Mapping[int, int] = field(default_factory=dict)
    unknown: Mapping[int, int] = field(default_factory=dict)
    coarse: bool = False


def store(
    engine: Engine,
    person: Person,
    devices: Iterable[tuple[str, Device]],
    *,
    day: int = 0,
    metric: Metric = Metric.STEPS,
) -> None:
    """Write a day of each device, one after the other, as separate uploads are.

    `day` counts from the START of the factories.
    """
    date = START.date() + timedelta(days=day)
    for age, (key, device) in enumerate(devices):
        now = clock.now()
        with unit_of_work(engine) as unit:
            locked = lock_for_data(unit.session, [person.id], now)
            seen = SeenSource(person.id, key, "test", device.kind, coarse=device.coarse)
            make_known(unit.session, [seen], START + timedelta(minutes=age))
            parts = (
                (SlotClass.MEASURED, device.measured),
                (SlotClass.MANUAL, device.manual),
                (SlotClass.UNKNOWN, device.unknown),
            )
            days = [
                packed(person.id, key, metric, part, (date, 0, SLOTS), _slots(values))
                for part, values in parts
                if values or part is SlotClass.MEASURED
            ]
            changed = changed_days(store_days(unit.session, days, locked), locked)
            changed = review_days(unit.session, changed, locked.open, now)
            recompute_changed(unit.session, changed, locked.open)


def recount(session: Session, competition_id: uuid.UUID) -> list[ScoreKey]:
    """Count everybody anew; return whose score changed."""
    people = select(Participant.person_id).where(Participant.competition_id == competition_id)
    return recompute_people(session, competition_id, session.scalars(people).all())


def _slots(values: Mapping[int, int]) -> list[int]:
    return [values.get(slot, 0) * 1000 for slot in range(SLOTS)]
