"""What benchmarks stand on: embedded servers with their durable settings, people, processes."""

import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from alembic import command
from alembic.config import Config
from cryptography.fernet import Fernet
from sqlalchemy import Engine, insert, text

from bench.contest import make_competition
from domain import clock
from domain.database import make_engine
from domain.fitness.vault import Vault
from domain.ids import new_id
from domain.redis import Redis, make_redis
from domain.settings import Settings
from models import Base, FitnessConnection, FitnessToken, Participant, Person
from models.connection import ConnectionStatus, Provider
from models.slots import Metric
from sandbox.postgres import EmbeddedPostgres
from sandbox.valkey import EmbeddedValkey

ROOT = Path(__file__).parent.parent
BUSY = ("lazyfree_pending_objects", "aof_rewrite_in_progress", "rdb_bgsave_in_progress")
SETTLE_SECONDS = 60.0


@dataclass
class Stage:
    """Servers, settings and clients."""

    engine: Engine
    redis: Redis
    environment: dict[str, str]
    log: IO[bytes]
    """Where the processes complain."""

    @property
    def settings(self) -> Settings:
        """The settings of the processes on this stage."""
        return Settings.load(self.environment)

    def clear(self) -> None:
        """Start from nothing."""
        tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
        with self.engine.begin() as connection:
            # The ledger's triggers refuse to empty it; a replica's session does not ask them.
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
        self.redis.flushall()

    def settle(self) -> None:
        """Let what an earlier run left over not be paid by the next."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))

    def settle_redis(self) -> None:
        """Let it free what was dropped and write what it rewrites, which it does by and by."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            found: Any = self.redis.info("everything")
            if not any(found[busy] for busy in BUSY):
                return
            if time.monotonic() > deadline:
                raise TimeoutError("Redis does not come to rest")
            time.sleep(0.05)


@contextmanager
def stage(**environment: str) -> Iterator[Stage]:
    """Start servers of one's own; `environment` sets further variables."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="podium-bench-")))
        postgres = stack.enter_context(EmbeddedPostgres(folder / "postgres"))
        valkey = stack.enter_context(EmbeddedValkey(folder / "valkey"))
        config = Config(ROOT / "alembic.ini")
        config.set_main_option("script_location", str(ROOT / "alembic"))
        config.attributes["database_url"] = postgres.url
        command.upgrade(config, "head")
        engine = make_engine(postgres.url, pool_size=4, max_overflow=4)
        stack.callback(engine.dispose)
        yield Stage(
            engine,
            make_redis(valkey.url, socket_timeout=30),
            {
                "DATABASE_URL": postgres.url,
                "REDIS_URL": valkey.url,
                "SUPABASE_URL": "http://127.0.0.1:9",
                "GOOGLE_CLIENT_ID": "bench",
                "GOOGLE_CLIENT_SECRET": "bench",
                "TOKEN_KEYS": Fernet.generate_key().decode(),
                "LOG_LEVEL": "WARNING",
                **environment,
            },
            stack.enter_context((folder / "processes.log").open("wb")),
        )


@contextmanager
def process(stage: Stage, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of this Python on the stage."""
    child = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env={**os.environ, **stage.environment},
        stdout=subprocess.DEVNULL,
        stderr=stage.log,
    )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            # Its part is done, and what it waits for is nobody's business any more.
            child.kill()
            child.wait()


def worker(
    stage: Stage, queues: Sequence[str], concurrency: int
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Run a Celery worker as the Procfile does."""
    words = f"celery -A worker.app worker -n {queues[0]}@bench -Q {','.join(queues)}"
    return process(
        stage,
        *words.split(),
        f"--concurrency={concurrency}",
        *["--without-gossip", "--without-mingle", "-E"],
    )


def populate(stage: Stage, count: int, metrics: Sequence[Metric], *, days: int = 5) -> None:
    """Make connected people, all of them in one competition per metric that began `days` ago."""
    vault = Vault(stage.settings.token_keys)
    now = clock.now()
    subs = [uuid.uuid4() for _ in range(count)]
    with stage.engine.begin() as connection:
        connection.execute(
            insert(Person),
            [
                {
                    "sub": sub,
                    "user_id": sub,
                    "display_name": f"Person {n}",
                    "timezone": "UTC",
                    "created_at": now,
                }
                for n, sub in enumerate(subs)
            ],
        )
        rows = connection.execute(text("SELECT user_id, id FROM person"))
        people: dict[uuid.UUID, int] = {row.user_id: row.id for row in rows}
        connections = [
            {
                "id": new_id(),
                "person_id": people[sub],
                "provider": Provider.GOOGLE_FIT,
                # What lies before a benchmark's window counts as fetched: nothing is owed.
                "fetched_from": clock.now() - timedelta(days=10),
                "synced_until": clock.now(),
                "status": ConnectionStatus.ACTIVE,
                "scopes": [
                    "https://www.googleapis.com/auth/fitness.activity.read",
                    "https://www.googleapis.com/auth/fitness.location.read",
                ],
                "connected_at": now,
                "streams_listed_at": now,
            }
            for sub in subs
        ]
        connection.execute(insert(FitnessConnection), connections)
        connection.execute(
            insert(FitnessToken),
            [
                {
                    "connection_id": one["id"],
                    "refresh_token": vault.seal("refresh"),
                    "access_token": vault.seal(f"access-{one['person_id']}"),
                    "expires_at": now + timedelta(hours=12),
                    "version": 1,
                }
                for one in connections
            ],
        )
    for metric in metrics:
        _compete(stage, people, metric, days)


def _compete(stage: Stage, people: dict[uuid.UUID, int], metric: Metric, days: int) -> None:
    now = clock.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    start, end = midnight - timedelta(days=days), midnight + timedelta(days=5)
    first = next(iter(people.values()))
    with stage.engine.begin() as connection:
        competition_id = make_competition(
            connection,
            first,
            start,
            end,
            metric=metric,
            timezone="Europe/Berlin",
            participant_count=len(people),
        )
        connection.execute(
            insert(Participant),
            [
                {
                    "competition_id": competition_id,
                    "person_id": person_id,
                    "user_id": user_id,
                    "joined_at": now,
                }
                for user_id, person_id in people.items()
            ],
        )
