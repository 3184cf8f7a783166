"""Servers of one test process: a PostgreSQL built by the migrations, and a Valkey."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from cryptography.fernet import Fernet
from hypothesis import settings as hypothesis_settings
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from xdist.remote import Producer

from domain.database import make_engine
from domain.redis import Redis, make_redis
from domain.settings import Settings
from models import Base
from sandbox.postgres import EmbeddedPostgres
from sandbox.valkey import EmbeddedValkey
from tests.factories import Factory
from tests.scheduling import InUnits
from worker.app import settle_heap

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
"""Vendors' specifications and captured answers; tests that use them skip when it is absent."""

hypothesis_settings.register_profile("soak", max_examples=1000, deadline=None)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> InUnits:
    """Tell xdist which tests go together."""
    return InUnits(config, log)


def pytest_collection_finish() -> None:
    """What was collected lives as long as the process; looking through it takes whole seconds."""
    settle_heap()


def migrate(url: str) -> None:
    """Bring the database at `url` to the newest revision."""
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "alembic"))
    config.attributes["database_url"] = url
    command.upgrade(config, "head")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """The test process's own PostgreSQL, migrated."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        migrate(server.url)
        yield server


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """The test process's own Valkey."""
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey"), appendonly=False) as server:
        yield server


@pytest.fixture(scope="session")
def shared_engine(postgres: EmbeddedPostgres) -> Iterator[Engine]:
    """One pool for the whole run; tests use `engine`."""
    engine = make_engine(postgres.url, pool_size=10, max_overflow=30)
    yield engine
    engine.dispose()


def wipe(engine: Engine) -> None:
    """Take all rows out, and let ids begin anew, as soon as nobody is writing.

    TRUNCATE would make a new file of each table and index, which takes thirty times as long.
    """
    tables = [table.name for table in Base.metadata.sorted_tables]
    commands = [
        "SET LOCAL session_replication_role = replica",
        f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE",
        *(f"DELETE FROM {table}" for table in tables),  # noqa: S608 - our own tables
        "PERFORM setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'",
    ]
    with engine.begin() as connection:
        connection.execute(text(f"DO $$BEGIN {'; '.join(commands)}; END$$"))


@pytest.fixture
def engine(shared_engine: Engine) -> Iterator[Engine]:
    """An engine on a database without rows."""
    yield shared_engine
    wipe(shared_engine)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session whose owner commits."""
    with Session(engine, expire_on_commit=False) as opened:
        yield opened


@pytest.fixture
def redis(valkey: EmbeddedValkey) -> Iterator[Redis]:
    """A client on an empty Valkey."""
    client = make_redis(valkey.url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def settings(postgres: EmbeddedPostgres, valkey: EmbeddedValkey) -> Settings:
    """Settings that point at the test process's servers; vendors answer nowhere."""
    return Settings.load(
        {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "SUPABASE_URL": "http://127.0.0.1:9",
            "GOOGLE_CLIENT_ID": "sandbox-client",
            "GOOGLE_CLIENT_SECRET": "sandbox-secret",
            "GOOGLE_TOKEN_URL": "http://127.0.0.1:9/token",
            "GOOGLE_REVOKE_URL": "http://127.0.0.1:9/revoke",
            "GOOGLE_FIT_URL": "http://127.0.0.1:9",
            "TOKEN_KEYS": Fernet.generate_key().decode(),
            "LOG_FORMAT": "console",
        }
    )


@pytest.fixture
def factory(session: Session) -> Factory:
    """Makes rows and commits them."""
    return Factory(session)
