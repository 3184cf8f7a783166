"""The drill: what was backed up comes back whole, pays nobody, and its boards are made anew."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url
from sqlalchemy.orm import Session

from domain.leaderboards.keys import board_key
from domain.redis import Redis, make_redis
from domain.settings import Settings
from models import Base
from sandbox.postgres import EmbeddedPostgres
from sandbox.runner.environment import process_environment
from sandbox.valkey import EmbeddedValkey
from tests.conftest import ROOT
from tests.factories import Factory
from tests.integration.payouts.purse import Purse

DRILL = "drill"


@pytest.fixture
def elsewhere(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The address of an empty database."""
    server = postgres.url.replace("+psycopg", "")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {DRILL}")
        yield make_url(postgres.url).set(database=DRILL).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {DRILL} WITH (FORCE)")


@pytest.fixture
def other_redis(valkey: EmbeddedValkey) -> Iterator[Redis]:
    """A Redis of the drill's own."""
    client = make_redis(valkey.url.removesuffix("/0") + "/1")
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def environment(postgres: EmbeddedPostgres, settings: Settings) -> dict[str, str]:
    """What the scripts are told of the servers."""
    names = ("supabase_url", "google_client_id", "google_client_secret")
    given = {name.upper(): str(getattr(settings, name)) for name in names}
    return {
        **process_environment(dict(os.environ), ROOT),
        **given,
        "TOKEN_KEYS": settings.token_keys[0],
        "DATABASE_URL": postgres.url,
        "REDIS_URL": settings.redis_url,
        "PGBIN": str(postgres.client("pg_dump").parent),
    }


def run(script: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "deploy" / script, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


def counts(url: str) -> dict[str, int]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        found = {}
        for table in Base.metadata.tables:
            asked = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
            ((found[table],),) = connection.execute(asked).fetchall()
        return found


def test_the_drill(
    session: Session,
    factory: Factory,
    purse: Purse,
    environment: dict[str, str],
    elsewhere: str,
    other_redis: Redis,
    valkey: EmbeddedValkey,
) -> None:
    purse.distributed([60, 30, 10])
    competition = factory.competition()
    for score, person in enumerate(factory.people(3)):
        factory.participant(competition, person, score)
    # What the later Redis shows was never in the backup.
    other_redis.zadd(board_key(competition.id), {str(uuid.uuid4()): -9})
    before = counts(environment["DATABASE_URL"])

    done = run(
        "drill",
        **environment,
        DRILL_DATABASE_URL=elsewhere,
        DRILL_REDIS_URL=valkey.url.removesuffix("/0") + "/1",
    )

    assert done.returncode == 0, done.stdout
    assert "1 boards, 0 lines wrong" in done.stdout
    assert "3 awards, 3 payouts; 0 findings" in done.stdout
    assert done.stdout.endswith("the drill has passed\n")
    assert {**before, "payout_gate": 1} == counts(elsewhere)
    assert before == counts(environment["DATABASE_URL"])
    assert other_redis.zcard(board_key(competition.id)) == 3
    with psycopg.connect(elsewhere.replace("+psycopg", "")) as connection:
        (gate,) = connection.execute("SELECT stopped_why FROM payout_gate").fetchall()
        assert "resume" in gate[0]


def test_nothing_is_restored_over_something(
    environment: dict[str, str], elsewhere: str, tmp_path: Path
) -> None:
    file = tmp_path / "podium.dump"
    made = run("backup", str(file), **environment)
    assert made.returncode == 0, made.stdout
    assert file.stat().st_mode & 0o077 == 0
    refused = run("restore", str(file), **environment)
    assert refused.returncode == 1
    assert "make an empty one" in refused.stdout


def test_a_damaged_backup_restores_nothing(
    environment: dict[str, str], elsewhere: str, tmp_path: Path
) -> None:
    file = tmp_path / "podium.dump"
    assert run("backup", str(file), **environment).returncode == 0
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    there = {**environment, "DATABASE_URL": elsewhere}
    assert run("restore", str(file), **there).returncode != 0
    with psycopg.connect(elsewhere.replace("+psycopg", "")) as connection:
        (left,) = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
    assert left == (0,)


def test_a_backup_that_fails_leaves_no_file(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "podium.dump"
    away = {**environment, "DATABASE_URL": "postgresql://podium@127.0.0.1:9/podium"}
    assert run("backup", str(file), **away).returncode != 0
    assert list(tmp_path.iterdir()) == []
