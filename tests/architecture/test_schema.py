"""The migrations make exactly what the models say, and can be taken back."""

import ast
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, NullPool, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from models import Base
from sandbox.postgres import EmbeddedPostgres
from tests.architecture.program import ROOT, modules, parsed

ELSEWHERE = make_url("postgresql+psycopg://127.0.0.1:5432/postgres")
"""Where another version of PostgreSQL may be; who asks is up to libpq's own variables."""
OLDEST = 150_000

COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
"""
# Triggers, which `t` is, are in migrations only.
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 't'
"""
INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
LEFT_OVER = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
    UNION SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""
OF_AN_ADJUSTMENT = """
    INSERT INTO payout (id, adjustment_id, distribution_id, competition_id, person_id, amount,
                        currency, status, due_at, created_at)
    SELECT one, one, one, one, 1, 25, 'EUR', 'pending', now(), now() FROM gen_random_uuid() AS one
"""
STANDINGS = """
    INSERT INTO standing (competition_id, version, reason, created_at, last_ruling_id, page_rows,
                          row_count, last_score, last_user_id, last_rank, digest, completed_at)
    SELECT gen_random_uuid(), 1, 'final', now(), 0, 300, n * 700, 0, gen_random_uuid(), 1, '', now()
    FROM generate_series(1, 4) n
"""
STANDING_ROWS = """
    INSERT INTO standing_row (standing_id, place, rank, person_id, score, computed, posted)
    SELECT s.id, n, n / 3, n * 31 % 997, 9000 - n / 3, 8990 - n / 3, 10
    FROM standing s, generate_series(1, s.row_count) n
"""
WAITING = """
    SELECT pid FROM pg_locks WHERE NOT granted
    AND relation IN ('standing'::regclass, 'standing_row'::regclass)
"""
PLACES = """
    SELECT s.id, r.place, r.rank, r.person_id, r.score, r.computed, r.posted
    FROM standing s CROSS JOIN LATERAL standing_places(s.id, 1, s.row_count) r
"""
ALEMBIC_TABLE = "alembic_version"


@contextmanager
def scratch_database(server: URL) -> Iterator[URL]:
    """Make an empty database on a server; drop it at the end."""
    name = f"podium_test_{uuid.uuid4().hex}"
    engine = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
        try:
            yield server.set(database=name)
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def rows(url: URL, query: str) -> set[tuple[object, ...]]:
    """Return what a query finds, but for Alembic's own table."""
    with create_engine(url, poolclass=NullPool).connect() as connection:
        found = connection.execute(text(query)).all()
    return {tuple(row) for row in found if ALEMBIC_TABLE not in str(row[0])}


def put(connection: Connection, *statements: str) -> None:
    """Put rows in without those that they belong to."""
    for one in ("SET LOCAL session_replication_role = replica", *statements):
        connection.execute(text(one))


def described(url: URL) -> dict[str, set[tuple[object, ...]]]:
    """Return everything that a schema is made of."""
    queries = {"columns": COLUMNS, "constraints": CONSTRAINTS, "indexes": INDEXES}
    return {what: rows(url, query) for what, query in queries.items()}


def config_for(url: URL) -> Config:
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "alembic"))
    config.attributes["database_url"] = url.render_as_string(hide_password=False)
    return config


@pytest.fixture
def empty(postgres: EmbeddedPostgres) -> Iterator[URL]:
    """A database without tables."""
    with scratch_database(make_url(postgres.url)) as url:
        yield url


def test_the_migrations_make_what_the_models_say(
    empty: URL, postgres: EmbeddedPostgres, capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_for(empty)
    command.upgrade(config, "head")
    command.check(config)
    with scratch_database(make_url(postgres.url)) as by_models:
        Base.metadata.create_all(create_engine(by_models, poolclass=NullPool))
        expected = described(by_models)
    found = described(empty)
    for what, parts in expected.items():
        assert found[what] == parts, what
    assert len(expected["columns"]) > 50


def test_they_can_be_taken_back_and_run_again(empty: URL) -> None:
    config = config_for(empty)
    command.upgrade(config, "head")
    once = described(empty)
    command.downgrade(config, "base")
    assert rows(empty, LEFT_OVER) == set()
    command.upgrade(config, "head")
    assert described(empty) == once


def test_payouts_that_tell_of_adjustments_are_not_taken_back(empty: URL) -> None:
    config = config_for(empty)
    command.upgrade(config, "0029")
    engine = create_engine(empty, poolclass=NullPool)
    with engine.begin() as connection:
        put(connection, OF_AN_ADJUSTMENT)
    once = described(empty)
    with pytest.raises(DBAPIError, match="tell of adjustments, which no older revision can say"):
        command.downgrade(config, "0028")
    assert described(empty) == once


def test_places_come_through_blocks_unchanged(empty: URL) -> None:
    config = config_for(empty)
    command.upgrade(config, "0029")
    engine = create_engine(empty, poolclass=NullPool)
    with engine.begin() as connection:
        put(connection, STANDINGS, STANDING_ROWS)
    before = rows(empty, "TABLE standing_row")
    assert len(before) == 7000
    command.upgrade(config, "0030")
    assert rows(empty, PLACES) == before
    assert rows(empty, "TABLE standing_row") == before
    command.downgrade(config, "0029")
    assert rows(empty, "TABLE standing_row") == before


def test_a_page_that_is_being_written_is_waited_for(empty: URL) -> None:
    config = config_for(empty)
    command.upgrade(config, "0029")
    engine = create_engine(empty, poolclass=NullPool)
    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as writer:
            put(writer, STANDINGS, STANDING_ROWS)
            upgrading = pool.submit(command.upgrade, config, "0030")
            deadline = time.monotonic() + 30
            while not rows(empty, WAITING):
                assert time.monotonic() < deadline
                assert not upgrading.done()
        upgrading.result()
    assert len(rows(empty, PLACES)) == 7000


def test_there_is_one_newest_migration() -> None:
    scripts = ScriptDirectory.from_config(config_for(ELSEWHERE))
    assert len(scripts.get_heads()) == 1


def test_migrations_do_not_read_models_that_will_change() -> None:
    imported = {
        name
        for path in modules("alembic/versions")
        for node in ast.walk(parsed(path))
        for name in _imported(node)
    }
    assert imported.isdisjoint({"domain", "models", "tasks", "web", "worker"})
    assert "alembic" in imported


def _imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name.partition(".")[0] for alias in names]
        case ast.ImportFrom(module=str(module)):
            return [module.partition(".")[0]]
    return []


def test_every_table_has_a_primary_key() -> None:
    assert [table.name for table in Base.metadata.sorted_tables if not table.primary_key] == []


def test_the_folder_of_migrations_does_not_hide_the_library() -> None:
    assert not (ROOT / "alembic" / "__init__.py").exists()
    done = subprocess.run(
        [sys.executable, "-c", "import alembic.op; print(alembic.__file__)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "site-packages" in done.stdout


@pytest.fixture
def elsewhere() -> URL:
    """A server that this test run did not start."""
    with suppress(psycopg.Error):
        given = {"host": ELSEWHERE.host, "port": ELSEWHERE.port, "dbname": ELSEWHERE.database}
        with psycopg.connect(**given, connect_timeout=2) as connection:  # type: ignore[arg-type]  # of several types
            if connection.info.server_version >= OLDEST:
                return ELSEWHERE
    pytest.skip("no PostgreSQL 15 or newer lets us in at 127.0.0.1:5432")


def test_an_older_postgresql_takes_the_migrations_too(elsewhere: URL) -> None:
    with scratch_database(elsewhere) as url:
        command.upgrade(config_for(url), "head")
        command.check(config_for(url))
        command.downgrade(config_for(url), "base")
        assert rows(url, LEFT_OVER) == set()
