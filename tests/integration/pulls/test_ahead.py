"""A batch that is claimed while another is under way, when that one goes wrong or takes long."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import Engine, text, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from domain import clock
from domain.fitness import circuit
from domain.fitness.queue import LEASE
from domain.settings import Settings
from models import Person, SyncRequest
from models.sync import SyncStatus
from tasks import claiming
from tests.dying import Step, dies, watch
from tests.integration.fitness.conftest import Pulls
from tests.integration.fitness.outside import FIT, Outside, check_books_agree, last_sync, pull
from worker.app import make_app
from worker.resources import PodiumCelery
from worker.task import PodiumTask

NAMES = [f"walker-{n:03}" for n in range(1, 4)]
AGGREGATE = f"{FIT}/dataset:aggregate"
MOST_SURE = 25
"""Every run of which one batch cannot be written has at least so many steps."""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of one."""
    monkeypatch.setattr(claiming, "BATCH", 1)


@pytest.fixture
def walkers(outside: Outside) -> list[Person]:
    """Three people who ask, one after the other."""
    found = [outside.connected(name) for name in NAMES]
    outside.ask(*found)
    return found


@contextmanager
def unwritable(engine: Engine, *people: Person) -> Iterator[None]:
    """Let the database refuse what these people walked, in a way that no rule foresees."""
    ids = ", ".join(str(one.id) for one in people)
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$"
                " BEGIN RAISE 'refused is %', NEW.person_id; END $$"
            )
        )
        connection.execute(
            text(
                "CREATE TRIGGER refuse BEFORE INSERT ON slot_day FOR EACH ROW"
                f" WHEN (NEW.person_id IN ({ids})) EXECUTE FUNCTION refuse()"
            )
        )
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP FUNCTION refuse CASCADE"))


@pytest.mark.usefixtures("app")
def test_whoever_is_claimed_ahead_does_not_suffer_from_the_batch_before(
    session: Session, engine: Engine, outside: Outside, walkers: list[Person]
) -> None:
    first, second, third = walkers
    with unwritable(engine, first), pytest.raises(DatabaseError, match=f"refused is {first.id}"):
        pull()
    assert last_sync(session, first).status is SyncStatus.RUNNING
    check_books_agree(session, outside, NAMES[1], second)
    ahead = last_sync(session, third)
    assert (ahead.status, ahead.attempts) == (SyncStatus.QUEUED, 1)
    assert ahead.due_at <= clock.now()
    assert outside.calls(AGGREGATE) == 2
    pull()
    check_books_agree(session, outside, NAMES[2], third)


@pytest.mark.usefixtures("app")
def test_no_failure_of_a_write_is_lost(
    session: Session, engine: Engine, walkers: list[Person]
) -> None:
    first, second, third = walkers
    refused = pytest.raises(DatabaseError, match=f"refused is {first.id}")
    with capture_logs() as logs, unwritable(engine, first, second), refused:
        pull()
    (failure,) = [one["exc_info"] for one in logs if one["event"] == "fitness.write_failed"]
    assert f"refused is {second.id}" in str(failure)
    assert last_sync(session, third).status is SyncStatus.QUEUED


def taking(app: PodiumCelery) -> claiming.Taking:
    task = app.tasks[claiming.PULL_BATCH]
    assert isinstance(task, PodiumTask)
    return claiming.Taking(task)


def run_out(engine: Engine) -> None:
    """Let all leases be over."""
    running = update(SyncRequest).where(SyncRequest.status == SyncStatus.RUNNING)
    with engine.begin() as connection:
        connection.execute(running.values(lease_until=clock.now()))


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of two, of which every lease counts as old."""
    monkeypatch.setattr(claiming, "BATCH", 2)
    monkeypatch.setattr(claiming, "RENEW_AFTER", timedelta(0))


@pytest.mark.usefixtures("old")
def test_a_lease_that_has_become_old_is_renewed(
    engine: Engine, app: PodiumCelery, pulls: Pulls, walkers: list[Person]
) -> None:
    with taking(app) as batches:
        batches.begin().result()
        run_out(engine)
        taken = batches.next()
    assert taken is not None
    assert [one.person_id for one in taken.paid] == [one.id for one in walkers[:2]]
    assert [one.person_id for one in pulls.claim()] == [walkers[2].id]


@pytest.mark.usefixtures("old")
def test_whoever_was_lost_to_another_worker_is_not_fetched_again(
    session: Session, engine: Engine, app: PodiumCelery, pulls: Pulls, walkers: list[Person]
) -> None:
    with taking(app) as batches:
        batches.begin().result()
        run_out(engine)
        (stolen,) = pulls.claim(1)
        taken = batches.next()
    assert taken is not None
    (kept,) = taken.paid
    assert taken.claims == [kept]
    assert {stolen.person_id, kept.person_id} == {one.id for one in walkers[:2]}
    assert session.get_one(SyncRequest, stolen.sync_id).lease_token == stolen.lease_token


@pytest.mark.usefixtures("app")
def test_whoever_is_claimed_ahead_is_put_back_when_the_vendor_goes_down(
    session: Session, outside: Outside, walkers: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit, "FAILURES", 1)
    outside.fault(AGGREGATE, kind="status", status=503, count=None)
    pull()
    assert outside.calls(AGGREGATE) == 1
    syncs = [last_sync(session, one) for one in walkers]
    assert [one.status for one in syncs] == [SyncStatus.QUEUED] * 3
    assert [one.attempts for one in syncs] == [1, 1, 0]
    assert syncs[1].due_at <= clock.now()
    outside.control("DELETE", "/faults")
    for minutes in range(1, 4):
        with clock.moved(minutes * circuit.STAYS_OPEN * 2):
            pull()
    for name, walker in zip(NAMES, walkers, strict=True):
        check_books_agree(session, outside, name, walker)


def pull_and_die(settings: Settings, steps: int) -> bool:
    """Pull in a process that is killed before its step number `steps`; say whether it was."""

    def job(step: Step) -> None:
        app = make_app(settings)
        app.loader.import_task_module("tasks.fitness")
        watch(app.resources.engine, step)
        with pytest.raises(DatabaseError, match="refused is"):
            app.tasks[claiming.PULL_BATCH]()

    return dies(steps, job)


def check_killed_at(
    session: Session, engine: Engine, outside: Outside, walkers: list[Person], step: int
) -> bool:
    """Kill a pull whose first batch cannot be written; return whether it came to that step."""
    outside.control("POST", f"/people/{NAMES[0]}/walk", steps=321)
    outside.ask(*walkers)
    with unwritable(engine, walkers[0]):
        died = pull_and_die(outside.settings, step)
    with clock.moved(LEASE + timedelta(seconds=1)):
        pull()
    for name, person in zip(NAMES, walkers, strict=True):
        check_books_agree(session, outside, name, person)
    session.rollback()
    return died


@pytest.mark.usefixtures("app")
def test_killed_at_some_steps_everyone_is_pulled_after_the_lease(
    session: Session, engine: Engine, outside: Outside, walkers: list[Person]
) -> None:
    for step in random.Random(os.getpid()).sample(range(1, MOST_SURE), 4):
        assert check_killed_at(session, engine, outside, walkers, step)


@pytest.mark.soak
@pytest.mark.usefixtures("app")
def test_killed_at_any_step_everyone_is_pulled_after_the_lease(
    session: Session, engine: Engine, outside: Outside, walkers: list[Person]
) -> None:
    steps = count(1)
    while check_killed_at(session, engine, outside, walkers, next(steps)):
        pass
    assert next(steps) > MOST_SURE
