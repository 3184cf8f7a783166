"""The embedded servers: crashes, leftovers, and folders that only root may enter."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from sandbox import pginstall
from sandbox.embedded import ServerFailed
from sandbox.ending import gone
from sandbox.filelock import LockHeld
from sandbox.pginstall import PARTS, PostgresInstall, find_install
from sandbox.ports import LOOPBACK, is_free
from sandbox.postgres import EmbeddedPostgres
from sandbox.valkey import EmbeddedValkey
from tests.integration.runner.conftest import ROOT


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as server:
        yield server


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path / "valkey") as server:
        yield server


def connect(server: EmbeddedPostgres) -> psycopg.Connection:
    return psycopg.connect(server.url.replace("+psycopg", ""))


def test_postgres_keeps_data_and_port_through_restart_and_crash(postgres: EmbeddedPostgres) -> None:
    url = postgres.url
    with connect(postgres) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    postgres.restart()
    postgres.kill()
    postgres.start()
    with connect(postgres) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    assert postgres.url == url


def test_postgres_wants_the_password(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(f"postgresql://podium@{LOOPBACK}:{postgres.port}/postgres", passfile="/")


def test_postgres_brings_its_clients(postgres: EmbeddedPostgres) -> None:
    url = postgres.url.replace("+psycopg", "")
    shown = subprocess.run(
        [postgres.client("psql"), url, "-Atc", "SHOW timezone"], capture_output=True, check=True
    )
    assert shown.stdout == b"UTC\n"
    with pytest.raises(FileNotFoundError):
        postgres.client("pg_nothing")


def test_valkey_keeps_data_and_port_through_restart_and_crash(valkey: EmbeddedValkey) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        client.set("kept", 7)
        valkey.restart()
        valkey.kill()
        assert is_free(valkey.port)
        valkey.start()
        assert client.get("kept") == b"7"


def test_valkey_says_why_it_did_not_start(tmp_path: Path, valkey: EmbeddedValkey) -> None:
    with pytest.raises(ServerFailed, match="Address already in use"):
        EmbeddedValkey(tmp_path / "other", port=valkey.port).start()


def test_a_directory_has_one_owner(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(LockHeld):
        EmbeddedPostgres(postgres.data_dir).start()
    assert postgres.running


def test_a_stale_pid_file_names_a_stranger(postgres: EmbeddedPostgres) -> None:
    postgres.stop()
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    pid_file = postgres.data_dir / "postmaster.pid"
    pid_file.write_text(f"{stranger.pid}\n{postgres.data_dir}\n")
    postgres.start()
    assert stranger.poll() is None
    stranger.communicate(b"\n")


OWNER = """
import sys, threading, time
from pathlib import Path
from sandbox.postgres import EmbeddedPostgres
from sandbox.valkey import EmbeddedValkey

servers = [EmbeddedPostgres(Path("postgres"), durable=False), EmbeddedValkey(Path("valkey"))]
for server in servers:
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
print(*(server.pid for server in servers), flush=True)
sys.stdin.read()
"""


def test_a_killed_owner_leaves_what_the_next_can_use(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert owner.stdout is not None
    servers = [psutil.Process(int(pid)) for pid in owner.stdout.readline().split()]
    assert all(server.status() != psutil.STATUS_ZOMBIE for server in servers)
    owner.kill()
    owner.communicate()
    if sys.platform == "linux":
        assert all(gone(server, 10) for server in servers)
    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as server, connect(server) as found:
        assert found.execute("SELECT 1").fetchone() == (1,)
    with EmbeddedValkey(tmp_path / "valkey") as valkey, redis.Redis.from_url(valkey.url) as client:
        assert client.ping()


def test_a_stopped_owner_s_server_is_adopted(tmp_path: Path) -> None:
    """A server whose death signal was lost still runs; the next start ends it first."""
    first = EmbeddedValkey(tmp_path / "valkey")
    first.start()
    left = psutil.Process(first.pid)
    first._lock.release()
    with EmbeddedValkey(tmp_path / "valkey") as second:
        assert gone(left, 0)
        assert second.pid != left.pid
    first.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand PostgreSQL to another user")
def test_root_opens_no_folder_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, public = tmp_path / "closed", tmp_path / "public"
    for folder, mode in ((closed, 0o700), (public, 0o755)):
        folder.mkdir()
        folder.chmod(mode)
    hidden = closed / "site"
    for part in PARTS:
        shutil.copytree(find_install().site / part, hidden / part, symlinks=True)
    copies = Path("/var/tmp") / f"podium-test-{os.getpid()}"
    copies.mkdir()
    copies.chmod(0o755)
    monkeypatch.setattr(pginstall, "SHARED_COPIES", copies)
    server = EmbeddedPostgres(closed / "postgres", durable=False)
    server._install = PostgresInstall(hidden)
    try:
        with server, connect(server) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
            assert psutil.Process(server.pid).uids().effective != 0
            assert closed.stat().st_mode & 0o777 == 0o700
    finally:
        shutil.rmtree(copies)


def test_a_server_that_ignores_signals_is_killed(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EmbeddedValkey, "stopping", ((signal.SIGTERM, 0.1),))
    process = psutil.Process(valkey.pid)
    process.suspend()
    valkey.stop()
    assert gone(process, 0)
    assert not valkey.running
