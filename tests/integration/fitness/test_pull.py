"""The pull task against the sandbox's Google: what comes in, and what goes wrong."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions.joining import join
from domain.errors import Conflict
from domain.fitness.connections import disconnect
from domain.fitness.google_oauth import GoogleOAuth, Grant, GrantGone
from domain.fitness.providers.google_fit import LIST_AGAIN_AFTER
from domain.fitness.queue import MAX_ATTEMPTS, claim
from domain.fitness.tokens import read_tokens, replace_tokens
from domain.redis import Redis
from domain.settings import Settings
from models import FitnessConnection, FitnessToken, Participant
from models.connection import ConnectionStatus
from models.slots import Metric, SlotClass, SlotDay
from models.sync import SyncReason, SyncStatus
from tasks import claiming, fitness
from tasks.tokens import TokenKeeper
from tests.factories import START, Factory
from tests.integration.fitness.outside import (
    FIT,
    Outside,
    check_books_agree,
    last_sync,
    pull,
    stored,
)
from worker.resources import PodiumCelery
from worker.unit import unit_of_work

pytestmark = pytest.mark.usefixtures("app")


@pytest.mark.parametrize("name", ["walker-001", "walker-002", "walker-003", "walker-004"])
def test_what_the_person_walked_is_what_is_stored(
    session: Session, outside: Outside, name: str
) -> None:
    walker = outside.connected(name)
    outside.control("POST", f"/people/{name}/walk", steps=321, distance=250.125)
    outside.ask(walker)
    pull()
    assert stored(session, walker, SlotClass.MEASURED)
    check_books_agree(session, outside, name, walker)


def test_typed_steps_are_kept_apart(session: Session, outside: Outside, factory: Factory) -> None:
    walker = outside.connected("walker-001")
    outside.ask(walker)
    pull()
    before = stored(session, walker, SlotClass.MEASURED)
    outside.control("POST", "/people/walker-001/walk", steps=40_000, manual=True)
    with clock.moved(LIST_AGAIN_AFTER):
        outside.ask(walker)
        pull()
    assert stored(session, walker, SlotClass.MEASURED).items() >= before.items()
    typed = stored(session, walker, SlotClass.MANUAL)
    assert sum(value for slot, value in typed.items() if slot.startswith("steps")) >= 40_000_000


@pytest.mark.parametrize("batch", [claiming.BATCH, 3])
def test_one_message_takes_everyone_who_is_due(
    session: Session, outside: Outside, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(claiming, "BATCH", batch)
    names = [f"walker-{n:03}" for n in range(1, 9)]
    walkers = [outside.connected(name) for name in names]
    outside.ask(*walkers)
    pull()
    for name, walker in zip(names, walkers, strict=True):
        check_books_agree(session, outside, name, walker)
    assert outside.calls(f"{FIT}/dataset:aggregate") == len(names)


def test_the_next_batch_is_claimed_while_the_last_of_this_one_is_awaited(
    session: Session, app: PodiumCelery, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "BATCH", 1)
    walkers = [outside.connected(f"walker-{n:03}") for n in range(1, 3)]
    outside.ask(*walkers)
    outside.fault(f"{FIT}/dataset:aggregate", kind="delay", delay_ms=1500, count=1)
    with ThreadPoolExecutor(1) as worker:
        pulled = worker.submit(app.tasks[claiming.PULL_BATCH].apply, throw=True)
        deadline = time.monotonic() + 10
        while any(last_sync(session, one).status is not SyncStatus.RUNNING for one in walkers):
            assert time.monotonic() < deadline
            session.rollback()
        pulled.result()
    assert all(last_sync(session, one).status is SyncStatus.SUCCEEDED for one in walkers)


def test_a_dead_access_token_is_renewed_once(session: Session, outside: Outside) -> None:
    walker = outside.connected("walker-001")
    outside.control("POST", "/people/walker-001/expire")
    outside.ask(walker)
    pull()
    assert last_sync(session, walker).status is SyncStatus.SUCCEEDED
    token = session.scalars(select(FitnessToken)).one()
    assert token.version == 2
    assert outside.calls("/token") == 2


def test_a_rotated_refresh_token_is_kept(session: Session, outside: Outside) -> None:
    outside.control("POST", "/oauth/rotation", enabled=True)
    walker = outside.connected("walker-001")
    for _ in range(3):
        outside.control("POST", "/people/walker-001/expire")
        outside.ask(walker)
        pull()
        assert last_sync(session, walker).status is SyncStatus.SUCCEEDED


def test_a_grant_that_is_gone_needs_the_person(session: Session, outside: Outside) -> None:
    walker = outside.connected("walker-001")
    outside.control("POST", "/people/walker-001/revoke")
    outside.ask(walker)
    pull()
    sync = last_sync(session, walker)
    assert (sync.status, sync.error_code) == (SyncStatus.FAILED, "reauth_required")
    connection = session.scalars(select(FitnessConnection)).one()
    assert connection.status is ConnectionStatus.REAUTH_REQUIRED
    with pytest.raises(Conflict, match="connect again"):
        outside.ask(walker)


def test_another_workers_token_is_used_when_the_grant_seems_gone(
    session: Session, outside: Outside, redis: Redis, beside_google: Settings
) -> None:
    """The refresh token that this worker read is dead because another has just rotated it."""
    walker = outside.connected("walker-001")
    connection = session.scalars(select(FitnessConnection)).one()
    fresh = outside.oauth.exchange(
        outside.control("GET", "/people/walker-001/code?prompt=consent")["code"]
    )

    class OvertakenOAuth(GoogleOAuth):
        """Google, in front of which another worker was faster."""

        def refresh(self, refresh_token: str) -> Grant:
            with unit_of_work(outside.engine) as unit:
                known = read_tokens(unit.session, outside.vault, connection.id)
                assert known is not None
                replace_tokens(unit.session, outside.vault, connection.id, known, fresh)
            raise GrantGone("dead")

    keeper = TokenKeeper(
        lambda: unit_of_work(outside.engine), redis, OvertakenOAuth(beside_google), outside.vault
    )
    outside.ask(walker)
    with unit_of_work(outside.engine) as unit:
        (held,) = claim(unit.session, 10, clock.now())
    assert keeper.renewed(held) == fresh.access_token
    session.expire_all()
    assert session.scalars(select(FitnessConnection.status)).one() is ConnectionStatus.ACTIVE


@pytest.mark.parametrize(
    ("fault", "code", "at_least"),
    [
        ({"kind": "status", "status": 500}, "vendor_unavailable", 2),
        ({"kind": "status", "status": 503, "retry_after": 1}, "vendor_unavailable", 2),
        ({"kind": "status", "status": 429, "retry_after": 90}, "vendor_throttled", 90),
        ({"kind": "cut"}, "vendor_unavailable", 2),
        ({"kind": "truncate"}, "vendor_unavailable", 2),
    ],
)
def test_what_cannot_be_fetched_is_fetched_later(
    session: Session, outside: Outside, fault: dict[str, Any], code: str, at_least: int
) -> None:
    walker = outside.connected("walker-001")
    outside.ask(walker)
    outside.fault(f"{FIT}/dataset:aggregate", **fault)
    asked_at = clock.now()
    pull()
    sync = last_sync(session, walker)
    assert (sync.status, sync.error_code, sync.attempts) == (SyncStatus.QUEUED, None, 1)
    assert sync.due_at - asked_at >= timedelta(seconds=at_least)
    assert session.scalars(select(SlotDay)).all() == []
    assert session.scalars(select(FitnessConnection.synced_until)).one() is None
    with clock.moved(timedelta(minutes=3)):
        pull()
    check_books_agree(session, outside, "walker-001", walker)


def test_after_the_last_attempt_the_row_says_why(session: Session, outside: Outside) -> None:
    walker = outside.connected("walker-001")
    outside.ask(walker)
    outside.fault(f"{FIT}/dataset:aggregate", kind="status", status=500, count=None)
    for attempt in range(MAX_ATTEMPTS):
        with clock.moved(attempt * timedelta(hours=1)):
            pull()
    sync = last_sync(session, walker)
    assert (sync.status, sync.error_code) == (SyncStatus.FAILED, "vendor_unavailable")
    assert sync.error_detail == "Google Fit answered 500."


def test_what_is_owed_stays_owed(session: Session, outside: Outside, factory: Factory) -> None:
    walker = outside.connected("walker-001")
    outside.ask(walker)
    pull()
    competition = factory.competition(starts_at=START - timedelta(days=10))
    with unit_of_work(outside.engine) as unit:
        assert join(unit.session, walker, competition.id, None, clock.now()).owes
    outside.fault(f"{FIT}/dataset:aggregate", kind="status", status=500, count=None)
    for attempt in range(MAX_ATTEMPTS + 2):
        with clock.moved(attempt * timedelta(hours=1)):
            pull()
    sync = last_sync(session, walker)
    assert (sync.reason, sync.status) == (SyncReason.OWED, SyncStatus.QUEUED)
    outside.control("DELETE", "/faults")
    with clock.moved(timedelta(days=1)):
        pull()
    sync = last_sync(session, walker)
    assert (sync.status, sync.window_from) == (SyncStatus.SUCCEEDED, competition.starts_at)
    connection = session.scalars(select(FitnessConnection)).one()
    assert connection.fetched_from == competition.starts_at
    assert session.get_one(Participant, (competition.id, walker.id)).score > 0


def test_one_persons_trouble_is_not_anothers(session: Session, outside: Outside) -> None:
    first, second = outside.connected("walker-001"), outside.connected("walker-002")
    outside.fault(f"{FIT}/dataset:aggregate", kind="cut", person="walker-001", count=None)
    outside.ask(first, second)
    pull()
    assert last_sync(session, first).status is SyncStatus.QUEUED
    check_books_agree(session, outside, "walker-002", second)


def test_a_type_that_the_grant_does_not_open_leaves_the_others(
    session: Session, outside: Outside
) -> None:
    """The scopes as we know them say more than the grant does."""
    scope = "https://www.googleapis.com/auth/fitness.activity.read"
    walker = outside.connected("walker-001", query=f"?scopes={scope}")
    with unit_of_work(outside.engine) as unit:
        unit.session.scalars(select(FitnessConnection)).one().scopes = [
            scope,
            "https://www.googleapis.com/auth/fitness.location.read",
        ]
    outside.ask(walker)
    pull()
    assert last_sync(session, walker).status is SyncStatus.SUCCEEDED
    assert set(session.scalars(select(SlotDay.metric))) == set(Metric) - {Metric.DISTANCE}


def test_a_stream_that_is_listed_but_gone_is_done_without(
    session: Session, outside: Outside
) -> None:
    walker = outside.connected("walker-005")
    outside.ask(walker)
    pull()
    outside.fault(
        f"{FIT}/dataset:aggregate", kind="status", body="datasource_not_readable", count=2
    )
    outside.ask(walker)
    pull()
    assert last_sync(session, walker).status is SyncStatus.SUCCEEDED
    assert outside.calls(f"{FIT}/dataset:aggregate") == 1 + 3


def test_missing_scopes_leave_the_other_metrics(session: Session, outside: Outside) -> None:
    scope = "https://www.googleapis.com/auth/fitness.activity.read"
    walker = outside.connected("walker-001", query=f"?scopes={scope}")
    outside.ask(walker)
    pull()
    assert last_sync(session, walker).status is SyncStatus.SUCCEEDED
    metrics = set(session.scalars(select(SlotDay.metric)))
    assert metrics == set(Metric) - {Metric.DISTANCE}


def test_disconnecting_during_a_pull_writes_nothing(session: Session, outside: Outside) -> None:
    walker = outside.connected("walker-001")
    outside.ask(walker)
    with unit_of_work(outside.engine) as unit:
        (held,) = claim(unit.session, 10, clock.now())
        disconnect(unit.session, walker, held.connection_id, clock.now())
    with clock.moved(timedelta(hours=1)):
        pull()
    sync = last_sync(session, walker)
    assert (sync.status, sync.error_code) == (SyncStatus.FAILED, "disconnected")
    assert session.scalars(select(SlotDay)).all() == []


def test_a_batch_with_data_that_the_database_refuses_is_halved(
    session: Session, outside: Outside
) -> None:
    """A rule of the database that only one person's data breaks."""
    names = ["walker-001", "walker-002", "walker-003"]
    walkers = [outside.connected(name) for name in names]
    with outside.engine.begin() as connection:
        connection.execute(
            text(f"ALTER TABLE slot_day ADD CONSTRAINT odd CHECK (person_id <> {walkers[1].id})")
        )
    try:
        outside.ask(*walkers)
        pull()
    finally:
        with outside.engine.begin() as connection:
            connection.execute(text("ALTER TABLE slot_day DROP CONSTRAINT odd"))
    check_books_agree(session, outside, names[0], walkers[0])
    check_books_agree(session, outside, names[2], walkers[2])
    refused = last_sync(session, walkers[1])
    assert (refused.status, refused.error_detail) == (SyncStatus.QUEUED, "CheckViolation")


def test_a_pull_that_kills_its_worker_ends(session: Session, outside: Outside) -> None:
    walker = outside.connected("walker-001")
    outside.ask(walker)
    for attempt in range(MAX_ATTEMPTS):
        with clock.moved(attempt * timedelta(minutes=2)), unit_of_work(outside.engine) as unit:
            assert len(claim(unit.session, 10, clock.now())) == 1
    with clock.moved(timedelta(hours=1)):
        fitness.sweep.apply(throw=True)
    sync = last_sync(session, walker)
    assert (sync.status, sync.error_code) == (SyncStatus.FAILED, "attempts_exhausted")
