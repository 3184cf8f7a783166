"""People in competitions are pulled without asking."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions.joining import join, leave
from domain.fitness.connections import connect, disconnect
from domain.fitness.google_oauth import Grant
from domain.fitness.schedule import (
    HURRIED,
    ORDINARY,
    Promise,
    Scheduled,
    next_pull,
    plan,
    queue_due,
)
from domain.fitness.syncs import request_sync
from domain.fitness.vault import Vault
from models import FitnessConnection, Person, SyncRequest
from models.competition import CompetitionStatus
from models.connection import ConnectionStatus, Provider
from models.sync import SyncReason, SyncStatus
from tasks import fitness
from tests.factories import START, Factory
from tests.integration.fitness.conftest import Fetch, Pulls
from tests.integration.fitness.outside import Outside, check_books_agree
from worker.resources import PodiumCelery
from worker.unit import unit_of_work


def sweep(engine: Engine, now: datetime, limit: int = 1000) -> Scheduled:
    with unit_of_work(engine) as unit:
        return queue_due(unit.session, limit, now)


def next_pull_at(session: Session, person: Person) -> datetime | None:
    session.expire_all()
    return session.scalars(
        select(FitnessConnection.next_pull_at).where(FitnessConnection.person_id == person.id)
    ).one()


def syncs(session: Session) -> list[SyncRequest]:
    session.expire_all()
    return list(session.scalars(select(SyncRequest).order_by(SyncRequest.id)))


@pytest.fixture
def walker(pulls: Pulls, factory: Factory, engine: Engine) -> Person:
    """Someone connected, in a competition that runs, and planned."""
    person = factory.person()
    pulls.connect(person)
    competition = factory.competition()
    with unit_of_work(engine) as unit:
        join(unit.session, person, competition.id, None, clock.now())
    return person


def test_joining_plans_the_first_pull(session: Session, walker: Person) -> None:
    moment = next_pull_at(session, walker)
    assert moment is not None
    assert timedelta(0) < moment - clock.now() <= ORDINARY * 1.5


def test_without_a_competition_there_is_no_plan(
    session: Session, engine: Engine, pulls: Pulls, factory: Factory
) -> None:
    person = factory.person()
    pulls.connect(person)
    pulls.sync(person, Fetch({1: 5}))
    assert next_pull_at(session, person) is None
    assert sweep(engine, clock.now() + timedelta(days=1)).looked_at == 0


def test_connecting_after_joining_plans_too(
    session: Session, engine: Engine, factory: Factory, vault: Vault
) -> None:
    person, competition = factory.person(), factory.competition()
    factory.participant(competition, person)
    grant = Grant("access", clock.now() + timedelta(hours=1), [], "refresh", "subject")
    with unit_of_work(engine) as unit:
        made = connect(unit.session, vault, person, Provider.GOOGLE_FIT, grant, clock.now())
        assert made.next_pull_at is not None
        disconnect(unit.session, person, made.id, clock.now())
    assert next_pull_at(session, person) is None


def test_leaving_ends_the_plan(
    session: Session, engine: Engine, pulls: Pulls, factory: Factory
) -> None:
    person = factory.person()
    pulls.connect(person)
    starts_at = START + timedelta(days=4)
    competition = factory.competition(starts_at=starts_at, status=CompetitionStatus.UPCOMING)
    with unit_of_work(engine) as unit:
        join(unit.session, person, competition.id, None, clock.now())
    moment = next_pull_at(session, person)
    assert moment is not None
    assert starts_at <= moment < starts_at + ORDINARY
    with unit_of_work(engine) as unit:
        leave(unit.session, person, competition.id, clock.now())
    assert next_pull_at(session, person) is None


def test_a_due_pull_is_queued_once(session: Session, engine: Engine, walker: Person) -> None:
    moment = next_pull_at(session, walker)
    assert moment is not None
    assert sweep(engine, moment - timedelta(seconds=1)) == Scheduled([], 0)
    assert sweep(engine, moment).user_ids == [walker.user_id]
    assert sweep(engine, moment).looked_at == 0
    (sync,) = syncs(session)
    assert (sync.reason, sync.status, sync.due_at) == (
        SyncReason.SCHEDULED,
        SyncStatus.QUEUED,
        moment,
    )
    following = next_pull_at(session, walker)
    assert following is not None
    assert HURRIED / 2 <= following - moment <= ORDINARY


def test_one_who_waits_already_is_not_queued_again(
    session: Session, engine: Engine, walker: Person, pulls: Pulls
) -> None:
    pulls.ask(walker)
    moment = next_pull_at(session, walker)
    assert moment is not None
    assert sweep(engine, moment) == Scheduled([], 1)
    assert len(syncs(session)) == 1
    assert next_pull_at(session, walker) != moment


def test_asking_makes_a_scheduled_pull_ones_own(
    session: Session, engine: Engine, walker: Person
) -> None:
    moment = next_pull_at(session, walker)
    assert moment is not None
    sweep(engine, moment)
    with unit_of_work(engine) as unit:
        assert request_sync(unit.session, walker, None, moment).coalesced
    (sync,) = syncs(session)
    assert sync.reason is SyncReason.REQUESTED


def test_a_pull_moves_the_next_one(session: Session, walker: Person, pulls: Pulls) -> None:
    now = clock.now() + timedelta(hours=2)
    (held,) = pulls.claimed(walker)
    pulls.write(Fetch({1: 5}).by(held), now=now)
    moment = next_pull_at(session, walker)
    assert moment is not None
    assert ORDINARY / 2 <= moment - now <= ORDINARY * 1.5


@pytest.mark.parametrize(
    "status", [ConnectionStatus.REAUTH_REQUIRED, ConnectionStatus.DISCONNECTED]
)
def test_only_living_connections_are_pulled(
    session: Session, engine: Engine, walker: Person, status: ConnectionStatus
) -> None:
    connection = session.scalars(select(FitnessConnection)).one()
    connection.status = status
    session.commit()
    assert sweep(engine, clock.now() + timedelta(days=1)).looked_at == 0


def test_after_the_cut_off_the_plan_ends(session: Session, engine: Engine, walker: Person) -> None:
    assert sweep(engine, START + timedelta(days=12)) == Scheduled([], 1)
    assert next_pull_at(session, walker) is None
    assert syncs(session) == []


def test_after_a_day_without_workers_everyone_comes_once_and_in_turns(
    session: Session, engine: Engine, factory: Factory
) -> None:
    people = factory.people(60)
    competition = factory.competition()
    for person in people:
        factory.connection(person)
        factory.participant(competition, person)
    with unit_of_work(engine) as unit:
        plan(unit.session, [person.id for person in people], clock.now())
    later = clock.now() + timedelta(days=1)
    seen = [sweep(engine, later, limit=25) for _ in range(4)]
    assert [one.looked_at for one in seen] == [25, 25, 10, 0]
    queued = Counter(user_id for one in seen for user_id in one.user_ids)
    assert queued == dict.fromkeys((person.user_id for person in people), 1)
    session.expire_all()
    planned = session.scalars(select(FitnessConnection.next_pull_at)).all()
    ahead = [moment - later for moment in planned if moment is not None]
    assert len(ahead) == 60
    assert max(ahead) - min(ahead) > ORDINARY * 0.9


def test_the_plan_is_the_pure_one(session: Session, engine: Engine, walker: Person) -> None:
    """What the statement reads of the competitions is what the function was given."""
    moment = next_pull_at(session, walker)
    assert moment is not None
    ends_at = START + timedelta(days=10)
    promise = Promise(START, ends_at, ends_at + timedelta(hours=24))
    assert moment == next_pull(walker.id, [promise], moment - ORDINARY)


def test_the_task_pulls_people_who_never_asked(
    session: Session, engine: Engine, app: PodiumCelery, outside: Outside, factory: Factory
) -> None:
    walker = outside.connected("walker-001")
    competition = factory.competition()
    with unit_of_work(engine) as unit:
        join(unit.session, walker, competition.id, None, clock.now())
    with clock.moved(ORDINARY * 1.5):
        fitness.schedule.apply(throw=True)
        fitness.pull_batch.apply(throw=True)
        check_books_agree(session, outside, "walker-001", walker)
    (sync,) = syncs(session)
    assert sync.reason is SyncReason.SCHEDULED
