"""Ended pulls are kept as long as somebody may ask for them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import product

import pytest
from sqlalchemy.orm import Session

from domain import clock
from domain.fitness import syncs
from domain.ids import new_id
from domain.redis import Redis
from domain.settings import Settings
from models import SyncRequest
from models.sync import SyncReason, SyncStatus
from tasks import housekeeping
from tests.factories import Factory
from worker.app import make_app

AGES = [None, 6.0, 7.5, 9.0, 29.5, 30.5]
"""Days since the end; one has not ended."""


@pytest.fixture(autouse=True)
def app(settings: Settings, redis: Redis) -> Iterator[None]:
    """The application whose task is run."""
    made = make_app(settings)
    made.loader.import_default_modules()
    yield
    made.resources.engine.dispose()


def pull(reason: SyncReason, ended_at: datetime | None, now: datetime) -> SyncRequest:
    """Make one of long ago."""
    return SyncRequest(
        id=new_id(),
        reason=reason,
        status=SyncStatus.SUCCEEDED if ended_at else SyncStatus.QUEUED,
        attempts=1,
        requested_at=now - timedelta(days=90),
        due_at=now - timedelta(days=90),
        finished_at=ended_at,
    )


def test_what_nobody_can_ask_for_is_deleted(
    session: Session, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncs, "DELETED_AT_ONCE", 1)
    now, connection = clock.now(), factory.connection(factory.person())
    for reason, age in product(SyncReason, AGES):
        one = pull(reason, None if age is None else now - timedelta(days=age), now)
        one.connection_id, one.person_id = connection.id, connection.person_id
        session.add(one)
    session.commit()
    for _ in range(2):
        housekeeping.clean_up.apply(throw=True)
        session.expire_all()
        kept = {
            reason: [
                None if end is None else (now - end) / timedelta(days=1)
                for (end,) in session.query(SyncRequest.finished_at)
                .filter_by(reason=reason)
                .order_by(SyncRequest.finished_at.desc().nulls_first())
            ]
            for reason in SyncReason
        }
        assert kept == {
            SyncReason.REQUESTED: AGES[:-1],
            SyncReason.OWED: AGES[:-1],
            SyncReason.SCHEDULED: [None, 6.0, 9.0, 29.5],
        }
