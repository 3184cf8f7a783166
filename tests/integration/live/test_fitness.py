"""What someone who watches their own syncs sees."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain import clock
from domain.fitness.bells import announce
from domain.fitness.syncs import request_sync
from domain.fitness.windows import QUARTER, floor_quarter
from domain.ids import new_id
from domain.redis import Redis
from models import FitnessConnection, Person, SyncRequest
from models.competition import CompetitionStatus
from models.connection import ConnectionStatus
from models.source import SourceKind
from models.sync import SyncReason, SyncStatus
from tests.devices import Device, store
from tests.factories import START, Factory
from tests.integration.live.conftest import Listener

Listen = Callable[..., Listener]
PATH = "/ws/fitness"


@pytest.fixture
def person(factory: Factory) -> Person:
    """Someone with a connection."""
    made = factory.person()
    factory.connection(made)
    return made


def ended(session: Session, person: Person, *, minutes_ago: int, **columns: object) -> SyncRequest:
    """Add a sync that is over."""
    then = clock.now() - timedelta(minutes=minutes_ago)
    connection = session.query(FitnessConnection).filter_by(person_id=person.id).one()
    values = {
        "id": new_id(),
        "connection_id": connection.id,
        "person_id": person.id,
        "reason": SyncReason.REQUESTED,
        "status": SyncStatus.SUCCEEDED,
        "requested_at": then,
        "due_at": then,
        "finished_at": then,
    }
    sync = SyncRequest(**{**values, **columns})
    session.add(sync)
    session.commit()
    return sync


def finish(session: Session, sync: SyncRequest) -> None:
    """Let a sync succeed."""
    sync.status, sync.finished_at = SyncStatus.SUCCEEDED, clock.now()
    sync.slots_received, sync.slots_changed = 960, 12
    session.commit()


def test_the_state_on_connecting(
    session: Session, redis: Redis, person: Person, listen: Listen
) -> None:
    ended(session, person, minutes_ago=9)
    failed = ended(
        session,
        person,
        minutes_ago=5,
        status=SyncStatus.FAILED,
        error_code="reauth_required",
        error_detail="The grant is gone.",
    )
    waiting = request_sync(session, person, None, clock.now()).sync
    session.commit()
    listener = listen(PATH, person)
    assert listener.hear() == {
        "type": "sync",
        "sync_id": str(failed.id),
        "status": "failed",
        "slots": {"received": 0, "changed": 0},
        "error": {"code": "reauth_required", "detail": "The grant is gone."},
    }
    assert listener.hear()["sync_id"] == str(waiting.id)
    assert listener.silent()


def test_a_sync_is_told_by_its_bell(
    session: Session, redis: Redis, person: Person, listen: Listen
) -> None:
    listener, of_another = listen(PATH, person), listen(PATH, Factory(session).person())
    assert listener.silent()
    sync = request_sync(session, person, None, clock.now()).sync
    session.commit()
    announce(redis, [person.user_id, uuid.uuid4()])
    assert listener.hear()["status"] == "queued"
    finish(session, sync)
    announce(redis, [person.user_id])
    told = listener.hear()
    assert (told["status"], told["slots"]) == ("succeeded", {"received": 960, "changed": 12})
    assert of_another.silent()


def test_a_bell_without_news_says_nothing(
    session: Session, redis: Redis, person: Person, listen: Listen
) -> None:
    listener = listen(PATH, person)
    assert listener.silent()
    first = ended(session, person, minutes_ago=5)
    announce(redis, [person.user_id])
    assert listener.hear()["sync_id"] == str(first.id)
    announce(redis, [person.user_id])
    second = ended(session, person, minutes_ago=0)
    announce(redis, [person.user_id])
    assert listener.hear()["sync_id"] == str(second.id)


def test_without_bells_a_sync_under_way_is_polled(
    session: Session, redis: Redis, person: Person, listen: Listen
) -> None:
    sync = request_sync(session, person, None, clock.now()).sync
    session.commit()
    listener = listen(PATH, person)
    assert listener.hear()["status"] == "queued"
    finish(session, sync)
    assert listener.hear()["status"] == "succeeded"


def test_a_cut_subscription_is_made_up_for(
    session: Session, redis: Redis, person: Person, listen: Listen
) -> None:
    listener = listen(PATH, person)
    assert listener.silent()
    ended(session, person, minutes_ago=0)
    redis.client_kill_filter(_type="pubsub")
    assert listener.hear()["status"] == "succeeded"


def test_owed_windows_are_not_told(
    session: Session, redis: Redis, person: Person, listen: Listen
) -> None:
    ended(session, person, minutes_ago=1, reason=SyncReason.OWED)
    assert listen(PATH, person).silent()


def lose_grant(session: Session, person: Person, status: ConnectionStatus) -> None:
    """Change the state of someone's connection."""
    connection = session.query(FitnessConnection).filter_by(person_id=person.id).one()
    connection.status = status
    session.commit()


def test_a_lost_grant_is_told_once(
    session: Session, redis: Redis, person: Person, listen: Listen
) -> None:
    listener = listen(PATH, person)
    assert listener.silent()
    lose_grant(session, person, ConnectionStatus.REAUTH_REQUIRED)
    announce(redis, [person.user_id])
    told = listener.hear()
    assert (told["type"], told["code"]) == ("notice", "reauth_required")
    assert told["detail"]
    sync = ended(session, person, minutes_ago=0)
    announce(redis, [person.user_id])
    assert listener.hear()["sync_id"] == str(sync.id)
    assert listener.silent()


def test_a_lost_grant_is_told_on_connecting_while_it_lasts(
    session: Session, redis: Redis, person: Person, listen: Listen
) -> None:
    lose_grant(session, person, ConnectionStatus.REAUTH_REQUIRED)
    assert listen(PATH, person).hear()["code"] == "reauth_required"
    lose_grant(session, person, ConnectionStatus.ACTIVE)
    assert listen(PATH, person).silent()


def test_a_grant_lost_again_is_told_again(
    session: Session, redis: Redis, person: Person, listen: Listen
) -> None:
    lose_grant(session, person, ConnectionStatus.REAUTH_REQUIRED)
    listener = listen(PATH, person)
    assert listener.hear()["type"] == "notice"
    lose_grant(session, person, ConnectionStatus.ACTIVE)
    sync = ended(session, person, minutes_ago=0)
    announce(redis, [person.user_id])
    assert listener.hear()["sync_id"] == str(sync.id)
    lose_grant(session, person, ConnectionStatus.REAUTH_REQUIRED)
    announce(redis, [person.user_id])
    assert listener.hear()["type"] == "notice"


def test_who_is_behind_is_told_once(
    session: Session, redis: Redis, person: Person, listen: Listen
) -> None:
    factory, now = Factory(session), floor_quarter(clock.now())
    competition = factory.competition(
        name="Two days",
        starts_at=now - timedelta(days=2),
        ends_at=now - timedelta(minutes=15),
        status=CompetitionStatus.CLOSING,
    )
    runs = factory.competition()
    for one in (competition, runs):
        factory.participant(one, person)
    told = listen(PATH, person).hear()
    assert (told["type"], told["code"]) == ("notice", "behind")
    assert "Two days" in told["detail"]
    assert listen(PATH, person).silent()


def test_who_has_data_of_the_last_hours_is_not_behind(
    session: Session, engine: Engine, redis: Redis, person: Person, listen: Listen
) -> None:
    factory, now = Factory(session), floor_quarter(clock.now())
    competition = factory.competition(
        starts_at=START, ends_at=now - timedelta(minutes=15), status=CompetitionStatus.CLOSING
    )
    factory.participant(competition, person)
    walked_at = now - timedelta(hours=2)
    slot = (walked_at - datetime.combine(walked_at, time(), UTC)) // QUARTER
    phone = Device(SourceKind.PHONE, {slot: 5})
    store(engine, person, [("phone", phone)], day=(walked_at.date() - START.date()).days)
    assert listen(PATH, person).silent()
