"""One device under two accounts is found by what it counted, and both are asked about."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain import clock, database
from domain.locks import lock_competition
from domain.scoring import shared_devices as sharing
from models import Competition, DeviceLook, Participant, Person
from models.flag import Decision, FlagReason
from models.slots import Metric
from tests.devices import recount, store
from tests.factories import START, Factory
from tests.integration.scoring.flagged import Contest, held, phone, watch
from worker.resources import PodiumCelery
from worker.unit import unit_of_work

DAY = {number: 900 + 7 * number for number in range(30, 30 + sharing.EQUAL_SLOTS)}
OTHER_DAY = {number: 950 + 11 * number for number in range(30, 50)}
COMPARE = "flags.compare_devices"


@pytest.fixture
def other(contest: Contest, factory: Factory) -> Person:
    """Somebody else in the contest."""
    person = factory.person()
    factory.participant(contest.competition, person)
    return person


def compare(worker_app: PodiumCelery, session: Session) -> None:
    """Run the job as if the last look were long ago."""
    session.rollback()
    for look in session.query(DeviceLook):
        look.looked_at -= sharing.EVERY
    session.commit()
    worker_app.tasks[COMPARE].apply(throw=True)


def scores(session: Session, competition: Competition, *people: Person) -> list[int]:
    session.rollback()
    session.expire_all()
    return [session.get_one(Participant, (competition.id, one.id)).score for one in people]


def test_both_accounts_are_flagged_once(
    worker_app: PodiumCelery, contest: Contest, other: Person
) -> None:
    contest.store(phone({**DAY, 60: 100}))
    store(contest.engine, other, [watch({**DAY, 61: 50})])
    for _ in range(2):
        compare(worker_app, contest.session)
    flags = contest.flags()
    assert [flag.reason for flag in flags] == [FlagReason.SHARED_DEVICE] * 2
    assert {flag.person_id: flag.other_person_id for flag in flags} == {
        contest.person.id: other.id,
        other.id: contest.person.id,
    }
    assert [held(flag) for flag in flags] == [DAY, DAY]
    assert scores(contest.session, contest.competition, contest.person, other) == [100, 50]
    assert recount(contest.session, contest.competition.id) == []


@pytest.mark.parametrize(
    "theirs",
    [
        {number: value for number, value in DAY.items() if number > 30},
        {**DAY, 37: DAY[37] + 1},
        {**OTHER_DAY, **{number: DAY[number] for number in range(30, 34)}},
    ],
    ids=["seven slots", "another peak", "four slots"],
)
def test_who_is_alike_by_chance_is_left_alone(
    worker_app: PodiumCelery, contest: Contest, other: Person, theirs: Mapping[int, int]
) -> None:
    contest.store(phone(DAY))
    store(contest.engine, other, [phone(theirs)])
    compare(worker_app, contest.session)
    assert contest.flags() == []


def test_people_who_walk_together_are_active_together(
    worker_app: PodiumCelery, engine: Engine, factory: Factory
) -> None:
    people = factory.people(2)
    competition = factory.competition(metric=Metric.ACTIVE_MINUTES)
    for person in people:
        factory.participant(competition, person)
        store(
            engine,
            person,
            [phone(dict.fromkeys(range(30, 50), 15))],
            metric=Metric.ACTIVE_MINUTES,
        )
    worker_app.tasks[COMPARE].apply(throw=True)
    assert scores(factory.session, competition, *people) == [300, 300]


def test_one_persons_phone_and_its_cloud_are_no_two_accounts(
    worker_app: PodiumCelery, contest: Contest
) -> None:
    contest.store(phone(DAY), watch(DAY))
    compare(worker_app, contest.session)
    assert contest.flags() == []


def test_an_accepted_pair_counts_until_there_is_more_of_it(
    worker_app: PodiumCelery, contest: Contest, other: Person
) -> None:
    contest.store(phone(DAY))
    store(contest.engine, other, [phone(DAY)])
    compare(worker_app, contest.session)
    mine, theirs = contest.flags()
    assert (mine.person_id, theirs.person_id) == (contest.person.id, other.id)
    contest.decide(mine, Decision.ACCEPTED)
    contest.decide(theirs, Decision.REJECTED)
    total = sum(DAY.values())
    assert scores(contest.session, contest.competition, contest.person, other) == [total, 0]
    for person in (contest.person, other):
        store(contest.engine, person, [phone({**DAY, 50: 700})])
    compare(worker_app, contest.session)
    assert [held(flag) for flag in contest.flags(Decision.OPEN)] == [{50: 700}, {50: 700}]
    assert scores(contest.session, contest.competition, contest.person, other) == [total, 0]


def test_flags_go_when_the_data_of_one_does(
    worker_app: PodiumCelery, contest: Contest, other: Person
) -> None:
    contest.store(phone(DAY))
    store(contest.engine, other, [phone(DAY)])
    compare(worker_app, contest.session)
    assert len(contest.flags()) == 2
    store(contest.engine, other, [phone(OTHER_DAY)])
    compare(worker_app, contest.session)
    assert contest.flags() == []
    assert scores(contest.session, contest.competition, contest.person) == [sum(DAY.values())]


def test_a_look_that_ended_half_way_is_taken_again(
    worker_app: PodiumCelery, contest: Contest, other: Person
) -> None:
    contest.store(phone(DAY))
    store(contest.engine, other, [phone(DAY)])
    with unit_of_work(contest.engine) as unit:
        (look,) = sharing.looks_due(unit.session, clock.now())
        both = sharing.suspects(unit.session, look, START.date())
    with unit_of_work(contest.engine) as unit:
        sharing.flag_shared(unit.session, look, START.date(), both[:1], both, clock.now())
    assert [flag.person_id for flag in contest.flags()] == both[:1]
    compare(worker_app, contest.session)
    assert sorted(flag.person_id for flag in contest.flags()) == both
    assert scores(contest.session, contest.competition, contest.person, other) == [0, 0]


def test_only_days_that_were_written_are_looked_at_again(contest: Contest) -> None:
    contest.store(phone(DAY))
    contest.store(phone(DAY), day=1)
    now, session = clock.now(), contest.session
    (look,) = sharing.looks_due(session, now)
    assert len(sharing.days_written(session, look)) == 2
    sharing.finish_look(session, look, now + sharing.IN_FLIGHT + timedelta(seconds=1))
    assert sharing.looks_due(session, now) == []
    (look,) = sharing.looks_due(session, now + timedelta(hours=1))
    assert sharing.days_written(session, look) == []


def test_a_look_that_gets_stuck_does_not_hold_up_the_next(
    worker_app: PodiumCelery,
    contest: Contest,
    other: Person,
    factory: Factory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(database.OPTIONS, "lock_timeout", "50ms")
    second, people = factory.competition(), factory.people(2)
    for person in people:
        factory.participant(second, person)
    for person in (contest.person, other, *people):
        store(contest.engine, person, [phone(DAY)])
    with unit_of_work(contest.engine) as unit:
        lock_competition(unit.session, contest.competition.id)
        compare(worker_app, contest.session)
    assert contest.competition.id < second.id
    assert contest.flags() == []
    looked = contest.session.query(DeviceLook.competition_id).all()
    assert [row.competition_id for row in looked] == [second.id]
    compare(worker_app, contest.session)
    assert len(contest.flags()) == 2
