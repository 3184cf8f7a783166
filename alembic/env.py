"""Runs the migrations: one at a time, and never waiting long for a lock that readers hold."""

import os
import time

from alembic import context
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from domain.settings import load_or_exit
from models import Base

LOCK_KEY = 0x6D696772617465
"""The advisory lock of migrating: the bytes of "migrate"."""
LOCK_WAIT_SECONDS = 60


def database_url() -> str:
    """Return where to migrate: what the caller set, or the process's settings."""
    given = context.config.attributes.get("database_url")
    return given or load_or_exit(os.environ).database_url


def take_lock(connection: Connection) -> None:
    """Hold the migration lock for the session; a second migrator waits, then gives up."""
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK_KEY}):
        if time.monotonic() > deadline:
            raise TimeoutError("another migration holds the lock")
        time.sleep(0.2)


def migrate() -> None:
    """Run what is missing, each migration in its own transaction."""
    engine = create_engine(database_url(), poolclass=NullPool)
    with engine.connect() as keeper, engine.connect() as connection:
        # A session lock on a connection of its own outlives the migrations' transactions.
        take_lock(keeper.execution_options(isolation_level="AUTOCOMMIT"))
        connection.execute(text("SET lock_timeout = '3s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            transaction_per_migration=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    context.configure(
        url="postgresql+psycopg://", target_metadata=Base.metadata, literal_binds=True
    )
    with context.begin_transaction():
        context.run_migrations()
else:
    migrate()
