"""Contests with flags, and the tasks run in this process."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain.redis import Redis
from domain.settings import Settings
from tests.factories import Factory
from tests.integration.scoring.flagged import Contest
from worker.app import make_app
from worker.resources import PodiumCelery


@pytest.fixture
def contest(engine: Engine, session: Session, factory: Factory) -> Contest:
    """Someone in a competition."""
    organiser, person = factory.people(2)
    competition = factory.competition(organiser)
    factory.participant(competition, person)
    return Contest(engine, session, organiser, person, competition)


@pytest.fixture
def worker_app(settings: Settings, redis: Redis, engine: Engine) -> Iterator[PodiumCelery]:
    """An application with the tasks of flags."""
    made = make_app(settings)
    made.loader.import_task_module("tasks.flags")
    with made:
        yield made
        made.resources.engine.dispose()
        made.resources.redis.close()
