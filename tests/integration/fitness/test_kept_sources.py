"""Slots always have their source, as with a foreign key, though checked once a statement."""

import threading

import pytest
from sqlalchemy import Engine, delete, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import Person, SlotDay, Source
from models.source import SourceKind
from tests.devices import Device, store
from tests.factories import START, Factory
from worker.unit import unit_of_work

PUT = text(
    "INSERT INTO slot_day (person_id, metric, source, day, class, slots, ingested_at)"
    " VALUES (:person, 'steps', 'a', :day, 'measured', array_fill(0, ARRAY[96]), now())"
)


@pytest.fixture
def person(factory: Factory) -> Person:
    return factory.person()


def put(session: Session, person: Person) -> None:
    session.execute(PUT, {"person": person.id, "day": START.date()})


def test_slots_of_an_unknown_source_are_refused(session: Session, person: Person) -> None:
    with pytest.raises(IntegrityError, match="a source that is not known"):
        put(session, person)


def test_a_source_with_slots_is_not_deleted(
    engine: Engine, session: Session, person: Person
) -> None:
    phone = Device(SourceKind.PHONE, {0: 1})
    store(engine, person, [("a", phone)])
    with pytest.raises(IntegrityError, match="slots still name"):
        session.execute(delete(Source))
    session.rollback()
    session.execute(delete(SlotDay))
    session.execute(delete(Source))


def test_a_source_is_not_deleted_while_its_slots_arrive(
    engine: Engine, session: Session, person: Person
) -> None:
    store(engine, person, [("a", Device(SourceKind.PHONE, {0: 1}))])
    session.execute(delete(SlotDay))
    session.commit()
    refused = threading.Event()

    def forget() -> None:
        with pytest.raises(IntegrityError, match="slots still name"), unit_of_work(engine) as unit:
            unit.session.execute(delete(Source))
        refused.set()

    put(session, person)
    other = threading.Thread(target=forget)
    other.start()
    session.commit()
    other.join()
    assert refused.is_set()
    assert session.scalar(select(func.count()).select_from(Source)) == 1
