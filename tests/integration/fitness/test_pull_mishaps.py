"""Mishaps of our own during a pull: they stay with the person whom they befell."""

import asyncio
import random
import time
from datetime import timedelta

import pytest
from sqlalchemy import Engine, create_engine, select, update
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from domain import clock
from domain.competitions.joining import join
from domain.fitness.connections import connect
from domain.fitness.google_oauth import Grant
from domain.fitness.providers import google_fit
from domain.fitness.queue import FIRST_DELAY, MAX_ATTEMPTS
from models import FitnessConnection, FitnessToken, SyncRequest
from models.connection import Provider
from models.sync import SyncStatus
from tasks import pull as pulls_of_a_batch
from tasks.claiming import PULL_BATCH
from tasks.pull import write_batch
from tests.factories import START, Factory
from tests.integration.fitness.conftest import Fetch, Pulls
from tests.integration.fitness.outside import Outside, check_books_agree, last_sync, pull
from worker.resources import PodiumCelery
from worker.task import PodiumTask
from worker.unit import unit_of_work

pytestmark = pytest.mark.usefixtures("app")


def test_a_token_that_no_key_opens_costs_only_its_person(
    session: Session, outside: Outside
) -> None:
    broken, healthy = outside.connected("walker-001"), outside.connected("walker-002")
    with unit_of_work(outside.engine) as unit:
        unit.session.execute(
            update(FitnessToken)
            .where(
                FitnessToken.connection_id.in_(
                    select(FitnessConnection.id).where(FitnessConnection.person_id == broken.id)
                )
            )
            .values(access_token=b"not sealed by us")
        )
    outside.ask(broken, healthy)
    pull()
    check_books_agree(session, outside, "walker-002", healthy)
    for attempt in range(1, MAX_ATTEMPTS):
        with clock.moved(attempt * timedelta(hours=1)):
            pull()
    sync = last_sync(session, broken)
    assert (sync.status, sync.error_code) == (SyncStatus.FAILED, "token_unreadable")


def test_a_fault_in_our_own_reading_costs_only_its_person(
    session: Session, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, healthy = outside.connected("walker-001"), outside.connected("walker-002")
    readable = google_fit.split

    def split(*arguments: object) -> object:
        if asyncio.current_task() is first:
            raise ZeroDivisionError
        return readable(*arguments)  # type: ignore[arg-type]  # passed on as they came

    first: asyncio.Task[object] | None = None
    whole = pulls_of_a_batch._fetch_one

    async def marked(claim, *rest):  # type: ignore[no-untyped-def]  # the signature of _fetch_one
        nonlocal first
        if claim.person_id == broken.id:
            first = asyncio.current_task()
        return await whole(claim, *rest)

    monkeypatch.setattr(google_fit, "split", split)
    monkeypatch.setattr(pulls_of_a_batch, "_fetch_one", marked)
    outside.ask(broken, healthy)
    pull()
    check_books_agree(session, outside, "walker-002", healthy)
    assert last_sync(session, broken).status is SyncStatus.QUEUED


def test_people_without_a_turn_make_no_attempt(
    session: Session, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vendor so slow that only the first two of three are asked at all."""
    walkers = [outside.connected(f"walker-00{number}") for number in (1, 2, 3)]
    monkeypatch.setattr(pulls_of_a_batch, "CONCURRENCY", 2)
    monkeypatch.setattr(pulls_of_a_batch, "DEADLINE_SECONDS", 0.5)
    outside.fault("/fitness/v1/users/me", kind="delay", delay_ms=2000, count=None)
    outside.ask(*walkers)
    pull()
    syncs = [last_sync(session, walker) for walker in walkers]
    assert {sync.status for sync in syncs} == {SyncStatus.QUEUED}
    at_once, *later = sorted(sync.due_at for sync in syncs)
    assert at_once <= clock.now()
    assert min(later) - at_once >= FIRST_DELAY / 2
    outside.control("DELETE", "/faults")
    monkeypatch.undo()
    with clock.moved(timedelta(minutes=5)):
        pull()
    assert {last_sync(session, walker).status for walker in walkers} == {SyncStatus.SUCCEEDED}


@pytest.mark.parametrize("change", ["scopes", "account"])
def test_another_account_or_more_scopes_begin_anew(
    session: Session,
    outside: Outside,
    factory: Factory,
    change: str,
) -> None:
    activity = "https://www.googleapis.com/auth/fitness.activity.read"
    walker = outside.connected("walker-001", query=f"?scopes={activity}")
    outside.ask(walker)
    pull()
    competition = factory.competition(starts_at=START - timedelta(days=9))
    with unit_of_work(outside.engine) as unit:
        join(unit.session, walker, competition.id, None, clock.now())
    name = "walker-001" if change == "scopes" else "walker-002"
    code = outside.control("GET", f"/people/{name}/code?prompt=consent")["code"]
    grant: Grant = outside.oauth.exchange(code)
    with unit_of_work(outside.engine) as unit:
        connect(unit.session, outside.vault, walker, Provider.GOOGLE_FIT, grant, clock.now())
    outside.ask(walker)
    for minutes in range(0, 40, 10):
        with clock.moved(timedelta(minutes=minutes)):
            pull()
    session.expire_all()
    connection = session.scalars(select(FitnessConnection)).one()
    assert connection.fetched_from is not None
    assert connection.fetched_from <= competition.starts_at
    whole = session.scalars(
        select(SyncRequest).order_by(SyncRequest.window_from, SyncRequest.finished_at.desc())
    ).first()
    assert whole is not None
    assert whole.status is SyncStatus.SUCCEEDED


def test_a_write_for_which_there_is_no_connection_is_repeated(
    session: Session,
    engine: Engine,
    app: PodiumCelery,
    factory: Factory,
    pulls: Pulls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person = factory.person()
    pulls.connect(person)
    (held,) = pulls.claimed(person)
    task = app.tasks[PULL_BATCH]
    assert isinstance(task, PodiumTask)
    narrow = create_engine(engine.url, pool_size=1, max_overflow=0, pool_timeout=0.01)
    monkeypatch.setitem(app.resources.__dict__, "engine", narrow)
    other = narrow.connect()

    def let_go(*_: float) -> float:
        other.close()
        return 0.0

    # It says how long to wait before the next try.
    monkeypatch.setattr(random, "uniform", let_go)
    with capture_logs() as logs:
        write_batch(task, [Fetch({0: 5}).by(held)], time.monotonic())
    assert [one["event"] for one in logs] == ["fitness.write_repeated"]
    assert last_sync(session, person).status is SyncStatus.SUCCEEDED
    narrow.dispose()
