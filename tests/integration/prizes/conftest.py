"""Competitions that have something to give."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from domain.redis import Redis
from domain.settings import Settings
from tests.factories import Factory
from tests.integration.prizes.promised import Promised
from worker.app import make_app
from worker.resources import PodiumCelery


@pytest.fixture
def promised(engine: Engine, factory: Factory) -> Promised:
    """Makes them."""
    return Promised(engine, factory)


@pytest.fixture
def app(settings: Settings, redis: Redis) -> Iterator[PodiumCelery]:
    """The application whose tasks are run."""
    made = make_app(settings)
    made.loader.import_default_modules()
    yield made
    made.resources.engine.dispose()
