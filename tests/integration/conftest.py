"""The sandbox as the outside world, the task's application, and the queue driven by hand."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain.fitness.vault import Vault
from domain.redis import Redis
from domain.settings import Settings
from sandbox.server import running
from sandbox.world import World
from tests.factories import Factory
from tests.integration.fitness.conftest import Pulls
from tests.integration.fitness.outside import Outside
from worker import doorbell
from worker.app import make_app
from worker.resources import PodiumCelery


@pytest.fixture(autouse=True)
def patient_bells(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bell is still heard by a test that a busy machine makes wait."""
    monkeypatch.setattr(doorbell, "BELL_MS", 600_000)


@pytest.fixture
def vault(settings: Settings) -> Vault:
    """The vault of the test's settings."""
    return Vault(settings.token_keys)


@pytest.fixture
def pulls(engine: Engine, session: Session, factory: Factory, vault: Vault) -> Pulls:
    """Drives the queue and the writer as the task does."""
    return Pulls(engine, factory, vault)


@pytest.fixture
def outside_url() -> Iterator[str]:
    """Where the sandbox is."""
    with running(World(8)) as url:
        yield url


@pytest.fixture
def beside_google(settings: Settings, outside_url: str) -> Settings:
    """Settings with the sandbox in them."""
    return settings.model_copy(
        update={
            "google_token_url": f"{outside_url}/token",
            "google_revoke_url": f"{outside_url}/revoke",
            "google_fit_url": outside_url,
        }
    )


@pytest.fixture
def outside(outside_url: str, engine: Engine, beside_google: Settings, factory: Factory) -> Outside:
    """The sandbox."""
    return Outside(outside_url, engine, beside_google, factory)


@pytest.fixture
def app(beside_google: Settings, redis: Redis) -> Iterator[PodiumCelery]:
    """The application whose tasks are run."""
    made = make_app(beside_google)
    made.loader.import_default_modules()
    yield made
    made.resources.engine.dispose()
