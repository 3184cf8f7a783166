"""Servers of this machine's own packages, other than those of the wheels, where they are there."""

import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from amqp import Connection
from amqp.exceptions import AMQPError

from sandbox.pginstall import PostgresInstall
from sandbox.postgres import EmbeddedPostgres
from sandbox.valkey import EmbeddedValkey

POSTGRES_15 = Path("/usr/lib/postgresql/15")
REDIS = "redis-server"
RABBITMQ = "127.0.0.1:5672"
RABBITMQ_USER = "guest"
"""The one that RabbitMQ brings, for callers from its own machine."""


def postgres_15(folder: Path) -> EmbeddedPostgres:
    """Return a PostgreSQL 15, or skip."""
    if not (POSTGRES_15 / "bin" / "postgres").exists():
        pytest.skip("PostgreSQL 15 is not installed (Debian 12's package postgresql)")
    install = PostgresInstall(POSTGRES_15, Path("bin"), ("--locale=C.UTF-8",))
    return EmbeddedPostgres(folder / "postgres", durable=False, install=install)


def redis_7(folder: Path) -> EmbeddedValkey:
    """Return a Redis 7.0, or skip."""
    program = shutil.which(REDIS)
    if program is None or not re.search(rb"\bv=7\.0\.", subprocess.check_output([program, "-v"])):
        pytest.skip("Redis 7.0 is not installed (Debian 12's package redis-server)")
    return EmbeddedValkey(folder / "redis", program=Path(program))


@contextmanager
def rabbitmq() -> Iterator[str]:
    """Give the address of a virtual host of our own, or skip."""
    if shutil.which("rabbitmqctl") is None or os.geteuid() != 0:
        pytest.skip("RabbitMQ's rabbitmqctl is not here, or not for this user")
    probe = Connection(RABBITMQ, RABBITMQ_USER, RABBITMQ_USER, connect_timeout=2)
    try:
        probe.connect()
        probe.close()
    except (OSError, AMQPError) as error:
        pytest.skip(f"no RabbitMQ answers at {RABBITMQ}: {error}")
    host = f"podium-{secrets.token_hex(4)}"
    rabbitmqctl("add_vhost", host)
    try:
        rabbitmqctl("set_permissions", "-p", host, RABBITMQ_USER, ".*", ".*", ".*")
        yield f"amqp://{RABBITMQ_USER}:{RABBITMQ_USER}@{RABBITMQ}/{host}"
    finally:
        rabbitmqctl("delete_vhost", host)


def rabbitmqctl(*words: str) -> None:
    """Tell RabbitMQ's server."""
    subprocess.run(["rabbitmqctl", "--quiet", *words], check=True, timeout=60, capture_output=True)
