"""How a run begins, and what it says when it can't."""

import signal
import socket
import stat
from collections.abc import Iterator

import psycopg
import pytest
import redis

from tests.integration.runner.conftest import ACTOR, DEADLINE_S, Run, eventually


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_it_publishes_its_variables_while_it_runs(run: Run) -> None:
    run.procfile(release="true", web=f"{ACTOR} web")
    run.start_and_wait()
    variables = run.variables()
    with psycopg.connect(variables["DATABASE_URL"].replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with redis.Redis.from_url(variables["REDIS_URL"]) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    sandbox = f"http://127.0.0.1:{variables['SANDBOX_PORT']}"
    assert variables["SUPABASE_URL"] == variables["GOOGLE_FIT_URL"] == sandbox
    path = run.folder / ".local" / "run.env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    run.ask_to_stop(signal.SIGINT)
    assert not path.exists()


def test_it_keeps_what_the_user_has_set(run: Run) -> None:
    (run.folder / ".env").write_text("GOOGLE_CLIENT_ID=from-file\nLOG_FORMAT=json\n")
    environ = {
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SUPABASE_URL": "http://127.0.0.1:1",
        "GOOGLE_CLIENT_ID": "from-environment",
    }
    (run.folder / "seed").write_text("false")
    run.start_and_wait(environ)
    variables = run.variables()
    assert {name: variables[name] for name in environ} == environ
    assert variables["LOG_FORMAT"] == "json"
    assert not (run.folder / ".local" / "valkey").exists()
    assert "seed" not in run.output
    run.ask_to_stop(signal.SIGINT)


def test_data_survives_a_restart(run: Run) -> None:
    run.start_and_wait()
    with redis.Redis.from_url(run.variables()["REDIS_URL"]) as client:
        client.set("kept", 1)
    with psycopg.connect(run.variables()["DATABASE_URL"].replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE kept ()")
    run.ask_to_stop(signal.SIGINT)
    run.start_and_wait()
    with redis.Redis.from_url(run.variables()["REDIS_URL"]) as client:
        assert client.get("kept") == b"1"
    with psycopg.connect(run.variables()["DATABASE_URL"].replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    run.ask_to_stop(signal.SIGINT)


def test_a_second_run_says_who_runs(run: Run) -> None:
    run.start_and_wait()
    first = run.process
    for args in ((), ("--idle",)):
        run.start(*args)
        assert run.process.wait(timeout=DEADLINE_S) == 1
        assert run.output.startswith(f"podium: already running: process {first.pid} since ")
        assert run.output.count("\n") == 1
    assert first.poll() is None
    first.send_signal(signal.SIGINT)
    assert first.wait(timeout=DEADLINE_S) == 0
    run.start("--idle")
    assert run.process.wait(timeout=DEADLINE_S) == 0


@pytest.mark.parametrize(
    ("value", "reason"), [("eighty", "must be a port, 0 to 65535"), (None, "is taken")]
)
def test_a_bad_port_is_named(run: Run, taken_port: int, value: str | None, reason: str) -> None:
    run.start(environ={"PORT": value or str(taken_port)})
    assert run.process.wait(timeout=DEADLINE_S) == 1
    assert run.output.startswith("podium: PORT: ")
    assert run.output.endswith(f"{reason}\n")
    assert run.output.count("\n") == 1


def test_a_failed_release_ends_the_run(run: Run) -> None:
    run.procfile(release="sh -c 'echo no such table; exit 3'", web=f"{ACTOR} web")
    run.start()
    assert run.process.wait(timeout=DEADLINE_S) == 1
    assert run.output.endswith("podium: release ended with exit code 3:\n  no such table\n")
    assert not any(event.startswith("web") for event in run.events)
    assert run.alive() == []


def test_a_process_that_dies_before_all_are_ready_ends_the_run(run: Run) -> None:
    run.procfile(web="sleep 60", worker="sh -c 'echo out of luck; exit 4'")
    run.start()
    assert run.process.wait(timeout=DEADLINE_S) == 1
    assert run.output.endswith("podium: worker ended with exit code 4:\n  out of luck\n")
    assert run.alive() == []


def test_a_process_that_dies_later_is_started_again(run: Run) -> None:
    run.procfile(web=f"{ACTOR} web", worker=f"{ACTOR} worker")
    run.start_and_wait()

    def pids() -> list[int]:
        words = [event.split() for event in run.events]
        return [int(pid) for role, pid in words if role == "worker" and pid.isdecimal()]

    assert eventually(lambda: len(pids()) == 1)
    for process in run.alive():
        if process.pid == pids()[0]:
            process.kill()
    assert eventually(lambda: len(pids()) == 2)
    assert "worker ended with SIGKILL; starting it again in 1 s" in run.output
    assert run.ask_to_stop(signal.SIGINT) == 0


def test_a_failed_seed_is_said_and_the_run_goes_on(run: Run) -> None:
    (run.folder / "seed").write_text("false")
    run.start_and_wait()
    assert "seed could not be set up whole" in run.output
    assert run.ask_to_stop(signal.SIGINT) == 0
