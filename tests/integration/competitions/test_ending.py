"""Early ends: the calendar is cut, pulls are planned anew, and scores are what the slots say."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions import replanning
from domain.competitions.calendar import days_of
from domain.competitions.ending import end
from domain.competitions.life import advance
from domain.errors import Conflict
from domain.fitness.schedule import HURRIED, plan
from domain.fitness.windows import QUARTER, floor_quarter
from domain.scoring.explain import explain
from domain.scoring.recompute import recompute_people
from models import Competition, CompetitionDay, FitnessConnection, Participant, Person
from models.competition import CompetitionStatus
from models.source import SourceKind
from tests.devices import Device, store
from tests.factories import START, Factory
from tests.integration.competitions.conftest import Life
from tests.rules import ON_SERVERS
from worker.unit import unit_of_work

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
SWITCH = datetime(2026, 3, 29, 1, tzinfo=UTC)
"""When Berlin's clocks go forward."""


def plan_all(engine: Engine, competition: Competition, now: datetime) -> None:
    """Plan page by page, as the sweep does."""
    while True:
        with unit_of_work(engine) as unit:
            if competition.id not in replanning.unplanned(unit.session, 100):
                return
            replanning.plan_page(unit.session, competition.id, now)


def calendar(session: Session, competition: Competition) -> list[tuple[object, ...]]:
    session.expire_all()
    rows = session.scalars(
        select(CompetitionDay)
        .where(CompetitionDay.competition_id == competition.id)
        .order_by(CompetitionDay.day)
    )
    return [(row.day, row.starts_at, row.ends_at) for row in rows]


@ON_SERVERS
@given(
    zone=st.sampled_from(ZONES),
    quarters=st.integers(1, 400),
    seconds=st.integers(0, 400 * 900 - 1),
    grace=st.integers(0, 48),
)
@example(zone="Europe/Berlin", quarters=400, seconds=192 * 900, grace=0)  # at the very switch
@example(zone="UTC", quarters=1, seconds=0, grace=0)
def test_the_calendar_is_that_of_the_new_times(
    engine: Engine,
    session: Session,
    factory: Factory,
    zone: str,
    quarters: int,
    seconds: int,
    grace: int,
) -> None:
    starts_at = SWITCH - timedelta(days=2)
    competition = factory.competition(
        starts_at=starts_at,
        ends_at=starts_at + quarters * QUARTER,
        timezone=zone,
        grace_hours=grace,
    )
    now = starts_at + timedelta(seconds=seconds % (quarters * 900))
    with unit_of_work(engine) as unit:
        ended = end(unit.session, competition.id, factory.person(), None, now)
        assert ended.status is CompetitionStatus.CLOSING
        assert floor_quarter(now) < ended.ends_at <= floor_quarter(now) + QUARTER
        assert ended.cutoff_at == now + timedelta(hours=grace)
    session.refresh(competition)
    assert calendar(session, competition) == [
        (one.day, one.start, one.end)
        for one in days_of(starts_at, competition.ends_at, competition.timezone)
    ]


def test_pulls_are_planned_anew_before_it_is_frozen(
    engine: Engine, session: Session, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replanning, "PAGE", 4)
    competition, people, now = factory.competition(grace_hours=1), factory.people(10), clock.now()
    for person in people:
        factory.participant(competition, person)
        factory.connection(person)
    with unit_of_work(engine) as unit:
        plan(unit.session, [person.id for person in people], now)
        end(unit.session, competition.id, people[0], None, now)
    with unit_of_work(engine) as unit:
        assert advance(unit.session, competition.id, now + timedelta(hours=1)) is None
    plan_all(engine, competition, now)
    planned = session.scalars(select(FitnessConnection.next_pull_at)).all()
    assert len(planned) == len(people)
    for moment in planned:
        assert moment is not None
        assert now < moment <= now + HURRIED * 1.5
    with unit_of_work(engine) as unit:
        after = advance(unit.session, competition.id, now + timedelta(hours=1))
        assert after is CompetitionStatus.PROVISIONAL


@pytest.mark.parametrize(
    ("hour", "zone"),
    [
        (30, "UTC"),
        (20, "America/New_York"),
        (23, "UTC"),
        (18, "Asia/Kathmandu"),
        (1, "Europe/Berlin"),
    ],
)
def test_what_lies_behind_the_end_is_discounted(
    engine: Engine, session: Session, factory: Factory, hour: int, zone: str
) -> None:
    """A phone whose clock runs ahead has sent what is not over yet."""
    competition, people = factory.competition(timezone=zone), factory.people(3)
    now = START + timedelta(hours=hour)
    for number, person in enumerate(people):
        factory.participant(competition, person)
        steps = dict.fromkeys(range(0, 96, 2), number + 1)
        for day in (0, 1, 2):
            with clock.moved(now - clock.now()):
                store(engine, person, [("phone", Device(SourceKind.PHONE, steps))], day=day)
    with unit_of_work(engine) as unit:
        end(unit.session, competition.id, people[0], None, now)
    plan_all(engine, competition, now)
    session.expire_all()
    scores = session.scalars(select(Participant.score).order_by(Participant.person_id)).all()
    counted = hour * 2 + 1
    assert scores == [counted, counted * 2, counted * 3]
    assert recompute_people(session, competition.id, [one.id for one in people]) == []


def test_what_comes_between_the_cut_off_and_the_count_is_late(
    engine: Engine, session: Session, factory: Factory
) -> None:
    """Without grace the cut-off is the end; days are counted a little later."""
    competition, (early, other) = factory.competition(grace_hours=0), factory.people(2)
    now = clock.now()
    for person, devices in ((early, {"phone": 100}), (other, {})):
        factory.participant(competition, person)
        measure(engine, person, now - QUARTER, devices)
    with unit_of_work(engine) as unit:
        end(unit.session, competition.id, early, None, now)
    for person in (early, other):
        measure(engine, person, now + QUARTER, {"phone": 300, "watch": 70})
    plan_all(engine, competition, now)
    session.expire_all()
    scores = session.scalars(select(Participant.score).order_by(Participant.person_id)).all()
    assert scores == [100, 0]
    for person, counted in ((early, 100_000), (other, 0)):
        (day,) = explain(session, competition.id, person.user_id).days
        assert day.counted == sum(part.counted for part in day.parts) == counted


def measure(engine: Engine, person: Person, moment: datetime, devices: dict[str, int]) -> None:
    """Store what devices measured in one slot of the first day, at a time of ours."""
    found = [(key, Device(SourceKind.PHONE, {40: steps})) for key, steps in devices.items()]
    with clock.moved(moment - clock.now()):
        store(engine, person, found)


@pytest.mark.parametrize(
    "status", [one for one in CompetitionStatus if one is not CompetitionStatus.ACTIVE]
)
def test_only_what_runs_is_ended(
    engine: Engine, factory: Factory, status: CompetitionStatus
) -> None:
    competition = factory.competition(status=status, starts_at=START + timedelta(days=5))
    with unit_of_work(engine) as unit, pytest.raises(Conflict):
        end(unit.session, competition.id, factory.person(), None, clock.now())


def test_what_should_have_begun_is_begun_and_ended(life: Life, engine: Engine) -> None:
    competition = life.over(status=CompetitionStatus.UPCOMING, ends_at=START + timedelta(days=9))
    with unit_of_work(engine) as unit:
        end(unit.session, competition.id, life.factory.person(), "Enough.", clock.now())
    assert life.steps(competition)[0] == ("upcoming", "active")
    assert life.steps(competition)[1] == ("active", "closing")
