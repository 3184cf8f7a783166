"""Data around the cut-off: before it counts, after it it is kept, shown, and changes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions.life import advance
from domain.fitness.slot_versions import SLOTS_AT_CUTOFF
from domain.scoring.explain import explain
from models import Competition, Participant, Person
from models.competition import CompetitionStatus
from models.source import SourceKind
from tests.devices import Device, store
from tests.factories import START, Factory
from tests.integration.fitness.phone import Phone, at
from tests.rules import ON_SERVERS
from worker.unit import unit_of_work

HOUR = timedelta(hours=1)
END = START + 24 * HOUR
GRACE_HOURS = 6
AT_CUTOFF = text(
    f"SELECT source, class, slots FROM ({SLOTS_AT_CUTOFF}) found WHERE person_id = :person"  # noqa: S608  the fragment is our own
)

Parts = dict[str, tuple[float, float]]
"""By source, what of it counted and what was late, in whole units."""


@contextmanager
def at_time(moment: datetime) -> Iterator[None]:
    with clock.moved(moment - clock.now()):
        yield


@pytest.fixture
def person(factory: Factory) -> Person:
    """Someone without data."""
    return factory.person()


@pytest.fixture
def competition(factory: Factory, person: Person) -> Competition:
    """A day that closes six hours after its end, with that person in it."""
    return joined(factory, person, GRACE_HOURS)


def joined(factory: Factory, person: Person, grace_hours: int) -> Competition:
    made = factory.competition(
        ends_at=END, grace_hours=grace_hours, status=CompetitionStatus.CLOSING
    )
    factory.participant(made, person)
    return made


def measure(engine: Engine, person: Person, moment: datetime, **devices: dict[int, int]) -> None:
    """Store what devices measured on the day, at a time of ours."""
    with at_time(moment):
        found = [(key, Device(SourceKind.PHONE, slots)) for key, slots in devices.items()]
        store(engine, person, found)


def score(session: Session, competition: Competition) -> int:
    session.expire_all()
    return session.query(Participant).filter_by(competition_id=competition.id).one().score


def parts(session: Session, competition: Competition, person: Person) -> Parts:
    """Explain the one day; it adds up."""
    session.expire_all()
    (day,) = explain(session, competition.id, person.user_id).days
    assert sum(part.counted for part in day.parts) == day.counted
    return {part.source: (part.counted / 1000, part.late / 1000) for part in day.parts}


def freeze(engine: Engine, competition: Competition) -> None:
    with unit_of_work(engine) as unit:
        after = advance(unit.session, competition.id, competition.cutoff_at)
        assert after is CompetitionStatus.PROVISIONAL


def test_what_comes_after_the_cut_off_is_shown_and_not_counted(
    engine: Engine, session: Session, competition: Competition, person: Person
) -> None:
    measure(engine, person, END + 5 * HOUR, phone={40: 100})
    assert (score(session, competition), parts(session, competition, person)) == (
        100,
        {"phone": (100, 0)},
    )
    # Nobody has frozen it yet; the cut-off is the cut-off.
    measure(engine, person, END + 6 * HOUR, phone={40: 300}, watch={41: 50})
    assert score(session, competition) == 100
    assert parts(session, competition, person) == {"phone": (100, 200), "watch": (0, 50)}
    freeze(engine, competition)
    measure(engine, person, END + 7 * HOUR, phone={40: 20})
    assert score(session, competition) == 100
    assert parts(session, competition, person) == {"phone": (100, -80), "watch": (0, 50)}


def test_who_had_nothing_in_time_has_only_late_parts(
    engine: Engine, session: Session, competition: Competition, person: Person
) -> None:
    measure(engine, person, END + 9 * HOUR, phone={40: 300})
    assert score(session, competition) == 0
    assert parts(session, competition, person) == {"phone": (0, 300)}


def test_who_was_overtaken_by_the_freeze_is_late(
    engine: Engine, session: Session, competition: Competition, person: Person
) -> None:
    """Another machine's clock is ahead: its freeze comes first, and this write is wholly out."""
    measure(engine, person, END + 5 * HOUR, phone={40: 100})
    freeze(engine, competition)
    measure(engine, person, competition.cutoff_at - timedelta(seconds=1), phone={40: 900})
    assert score(session, competition) == 100
    assert parts(session, competition, person) == {"phone": (100, 800)}


def test_uploads_and_deletions_are_late_too(
    engine: Engine, session: Session, competition: Competition, person: Person
) -> None:
    phone, record = Phone(engine, person), at(0, value=100)
    phone.upload(record, now=END + HOUR)
    phone.upload(at(60, value=30, recording_method="manual"), now=END + HOUR)
    assert score(session, competition) == 100
    freeze(engine, competition)
    phone.upload(at(30, value=7), deletions=[record.id], now=END + 7 * HOUR)
    ((source, found),) = parts(session, competition, person).items()
    assert (score(session, competition), found) == (100, (100, -93)), source


def test_a_competition_called_off_keeps_no_versions(
    engine: Engine, session: Session, competition: Competition, person: Person
) -> None:
    measure(engine, person, END + HOUR, phone={40: 100})
    competition.status = CompetitionStatus.CANCELLED
    session.commit()
    measure(engine, person, END + 7 * HOUR, phone={40: 300})
    assert session.scalar(text("SELECT count(*) FROM slot_day_version")) == 0


hours = st.integers(1, 12)
contents = st.dictionaries(
    st.sampled_from(["phone", "watch"]),
    st.dictionaries(st.integers(0, 2), st.integers(0, 3)),
    max_size=2,
)


@ON_SERVERS
@given(
    writes=st.lists(st.tuples(hours, contents), max_size=5).map(
        lambda found: sorted(found, key=lambda one: one[0])
    ),
    grace=st.lists(hours, min_size=1, max_size=3, unique=True),
)
def test_the_slots_at_any_cut_off_are_known_ever_after(
    engine: Engine,
    session: Session,
    factory: Factory,
    writes: list[tuple[int, dict[str, dict[int, int]]]],
    grace: list[int],
) -> None:
    person = factory.person()
    competitions = [joined(factory, person, one) for one in grace]
    for hour, devices in writes:
        measure(engine, person, END + hour * HOUR, **devices)
    for competition in competitions:
        expected: dict[str, dict[int, int]] = {}
        for hour, devices in writes:
            if END + hour * HOUR < competition.cutoff_at:
                expected.update(devices)
        session.rollback()
        found = session.execute(
            AT_CUTOFF, {"person": person.id, "cutoff_at": competition.cutoff_at}
        )
        assert {
            row.source: {n: v // 1000 for n, v in enumerate(row.slots) if v} for row in found
        } == {key: {n: v for n, v in slots.items() if v} for key, slots in expected.items()}
