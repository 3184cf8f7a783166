"""Pulls when there is no budget, no vendor or no Redis."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from domain import clock
from domain.fitness.budget import Ask, Budget, Limits, Room
from domain.fitness.circuit import FAILURES, STAYS_OPEN
from domain.fitness.connections import disconnect
from domain.fitness.queue import MAX_ATTEMPTS, Setback, put_back
from domain.fitness.syncs import request_sync
from domain.redis import Redis, make_redis
from domain.settings import Settings
from models import FitnessConnection, SyncRequest
from models.connection import Provider
from models.sync import SyncReason, SyncStatus
from sandbox.ports import free_port
from tasks import claiming, fitness
from tasks.gate import UNKNOWN, Gate, held_up
from tests.factories import Factory
from tests.integration.fitness.conftest import Pulls
from tests.integration.fitness.outside import FIT, Outside, check_books_agree, last_sync
from worker.resources import PodiumCelery
from worker.task import PodiumTask

AGGREGATE = f"{FIT}/dataset:aggregate"


@pytest.fixture
def beside_google(beside_google: Settings) -> Settings:
    """A small budget: six calls at once, of which four for what nobody asked for."""
    return beside_google.model_copy(
        update={
            "google_fit_calls_per_minute": 30,
            "google_fit_calls_per_minute_per_person": 30,
        }
    )


def pull() -> None:
    fitness.pull_batch.apply(throw=True)


def statuses(session: Session) -> list[SyncStatus]:
    session.expire_all()
    return list(session.scalars(select(SyncRequest.status).order_by(SyncRequest.person_id)))


def test_what_the_budget_does_not_carry_stays_due(
    session: Session, app: PodiumCelery, outside: Outside
) -> None:
    walkers = [outside.connected(f"walker-{n:03}") for n in range(1, 9)]
    outside.ask(*walkers)
    pull()
    assert outside.calls(FIT) <= 6
    waiting = [one for one in walkers if last_sync(session, one).status is SyncStatus.QUEUED]
    assert len(waiting) == 5
    assert all(last_sync(session, one).attempts <= 1 for one in waiting)
    for minute in range(1, 9):
        with clock.moved(timedelta(minutes=minute)):
            pull()
    for n, walker in enumerate(walkers, 1):
        check_books_agree(session, outside, f"walker-{n:03}", walker)


def test_without_any_budget_nobody_is_called_and_no_attempt_is_lost(
    session: Session, app: PodiumCelery, outside: Outside, redis: Redis
) -> None:
    walker = outside.connected("walker-001")
    outside.ask(walker)
    spent = Budget(redis, Provider.GOOGLE_FIT, Limits(30, 30))
    spent.take([Ask(walker.user_id, wished=True)] * 20, clock.now())
    connection_id = session.scalars(select(FitnessConnection.id)).one()
    spent.take([Ask(connection_id, wished=True)] * 20, clock.now())
    for _ in range(MAX_ATTEMPTS + 2):
        pull()
    assert outside.calls(FIT) == 0
    sync = last_sync(session, walker)
    assert sync.status is SyncStatus.QUEUED
    assert sync.attempts <= 1
    with clock.moved(timedelta(minutes=1)):
        pull()
    check_books_agree(session, outside, "walker-001", walker)


def test_calls_that_are_not_made_are_given_back(
    app: PodiumCelery, outside: Outside, redis: Redis
) -> None:
    outside.ask(outside.connected("walker-001"))
    budget = Budget(redis, Provider.GOOGLE_FIT, Limits(30, 30))
    task = app.tasks[claiming.PULL_BATCH]
    assert isinstance(task, PodiumTask)
    with claiming.Taking(task) as taking:
        taken = taking.begin().result()
        assert budget.room(clock.now()) == Room(4, 2)
    assert taken is not None
    assert budget.room(clock.now()) == Room(6, 4)
    whole = Ask(taken.claims[0].connection_id, wished=True, calls=6)
    assert budget.take([whole], clock.now()) == [timedelta(0)]


def test_those_who_ask_come_before_the_schedule(
    session: Session, engine: Engine, app: PodiumCelery, outside: Outside
) -> None:
    walkers = [outside.connected(f"walker-{n:03}") for n in range(1, 9)]
    with clock.moved(-timedelta(minutes=1)):
        outside.ask(*walkers[:7])
    with engine.begin() as connection:
        connection.execute(update(SyncRequest).values(reason=SyncReason.SCHEDULED))
        connection.execute(update(FitnessConnection).values(streams_listed_at=clock.now()))
    outside.ask(walkers[7])
    pull()
    assert statuses(session)[7] is SyncStatus.SUCCEEDED
    assert statuses(session).count(SyncStatus.SUCCEEDED) < 7
    outside.ask(walkers[6])
    pull()
    assert statuses(session)[6] is SyncStatus.SUCCEEDED


def test_waiting_for_the_budget_is_no_attempt(
    session: Session, pulls: Pulls, engine: Engine, factory: Factory
) -> None:
    """And when a follow-up was queued meanwhile, both have room."""
    person = factory.person()
    pulls.connect(person)
    now = clock.now()
    (held,) = pulls.claimed(person)
    assert not request_sync(session, person, None, now).coalesced
    put_back(session, [held_up(held, timedelta(seconds=7))], now)
    session.commit()
    first, second = session.scalars(select(SyncRequest).order_by(SyncRequest.id))
    assert (first.status, first.attempts) == (SyncStatus.QUEUED, 1)
    assert first.due_at == now + timedelta(seconds=7)
    assert (second.status, second.attempts) == (SyncStatus.QUEUED, 0)


def test_the_last_attempt_may_wait_too(session: Session, pulls: Pulls, factory: Factory) -> None:
    person = factory.person()
    pulls.connect(person)
    pulls.ask(person)
    session.execute(update(SyncRequest).values(attempts=MAX_ATTEMPTS - 1))
    session.commit()
    (held,) = pulls.claim()
    assert held.attempts == MAX_ATTEMPTS
    put_back(session, [held_up(held, UNKNOWN)], clock.now())
    session.commit()
    sync = last_sync(session, person)
    assert (sync.status, sync.attempts) == (SyncStatus.QUEUED, MAX_ATTEMPTS - 1)


def unanswered(session: Session, pulls: Pulls, factory: Factory) -> Setback:
    """Return the setback of someone whom the vendor did not answer."""
    person = factory.person()
    pulls.connect(person)
    (held,) = pulls.claimed(person)
    disconnect(session, person, held.connection_id, clock.now())
    session.commit()
    return Setback(held, "vendor_unavailable", "", final=False)


def test_a_vendor_that_is_down_is_left_alone_and_found_again(
    session: Session,
    app: PodiumCelery,
    outside: Outside,
    redis: Redis,
    pulls: Pulls,
    factory: Factory,
) -> None:
    gate = Gate(redis, app.resources.settings)
    walkers = [outside.connected(f"walker-{n:03}") for n in range(1, 4)]
    outside.fault(AGGREGATE, kind="status", status=503, count=None)
    refused = unanswered(session, pulls, factory)
    outside.ask(*walkers)
    gate.tell(0, [refused] * (FAILURES - len(walkers)))
    pull()
    assert outside.calls(AGGREGATE) == len(walkers)
    assert gate.room(clock.now()) == Room(0, 0)
    outside.control("DELETE", "/faults")
    with clock.moved(timedelta(seconds=20)):
        pull()
    assert outside.calls(AGGREGATE) == len(walkers)
    with clock.moved(STAYS_OPEN + timedelta(minutes=1)):
        pull()
    for n in range(2, 4):
        with clock.moved(STAYS_OPEN + n * timedelta(minutes=1)):
            pull()
    for n, walker in enumerate(walkers, 1):
        check_books_agree(session, outside, f"walker-{n:03}", walker)


def test_without_redis_nothing_is_pulled_and_nothing_is_lost(
    session: Session, app: PodiumCelery, outside: Outside, beside_google: Settings
) -> None:
    walker = outside.connected("walker-001")
    outside.ask(walker)
    app.resources.__dict__["redis"] = make_redis(f"redis://127.0.0.1:{free_port()}/0")
    app.resources.__dict__.pop("doorbell", None)
    pull()
    assert outside.calls(FIT) == 0
    sync = last_sync(session, walker)
    assert (sync.status, sync.attempts) == (SyncStatus.QUEUED, 0)
