"""The ledger is proved each hour, and what was found is kept."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from domain.ledger.checking import EVERY, last_check
from domain.locks import alone_at
from domain.redis import Redis
from domain.settings import Settings
from models import LedgerCheck
from tasks.ledger import VERIFY
from tests.factories import Factory
from tests.integration.payouts.purse import Purse
from worker.app import make_app
from worker.resources import PodiumCelery


@pytest.fixture
def app(settings: Settings, redis: Redis) -> Iterator[PodiumCelery]:
    """The application whose task is run."""
    made = make_app(settings)
    made.loader.import_task_module("tasks.ledger")
    yield made
    made.resources.engine.dispose()


def checks(session: Session) -> int:
    session.expire_all()
    return session.query(LedgerCheck).count()


def test_it_is_proved_once_an_hour_by_one(
    app: PodiumCelery, session: Session, engine: Engine
) -> None:
    with alone_at(engine, VERIFY):
        app.tasks[VERIFY]()
    assert checks(session) == 0
    for _ in range(2):
        app.tasks[VERIFY]()
    assert checks(session) == 1
    found = last_check(session)
    assert found is not None
    assert found.findings == 0
    found.checked_at -= EVERY + timedelta(seconds=1)
    session.commit()
    app.tasks[VERIFY]()
    assert checks(session) == 2


def test_what_is_wrong_is_noted_and_logged(
    app: PodiumCelery, session: Session, engine: Engine, factory: Factory
) -> None:
    Purse(engine, factory).distributed([5])
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(text("UPDATE ledger_entry SET amount = amount + 1 WHERE amount > 0"))
    session.commit()
    app.tasks[VERIFY]()
    found = last_check(session)
    assert found is not None
    assert found.findings > 0
    assert found.transactions > 0
