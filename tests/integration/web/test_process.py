"""The site as a process of its own."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from domain.settings import Settings
from sandbox.ports import free_port

ROOT = Path(__file__).parents[3]
PATIENCE_S = 60.0
GUNICORN = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "web:create_app()"]


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """What the process is told."""
    given = settings.model_dump(include={"database_url", "redis_url", "supabase_url"})
    return {
        **os.environ,
        **{name.upper(): value for name, value in given.items()},
        "GOOGLE_CLIENT_ID": "client",
        "GOOGLE_CLIENT_SECRET": "secret",
        "TOKEN_KEYS": settings.token_keys[0],
        "PORT": str(free_port()),
        "LOG_FORMAT": "json",
    }


@pytest.fixture
def site(environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running site."""
    with (tmp_path / "web.log").open("wb") as log:
        process = subprocess.Popen(GUNICORN, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", int(environment["PORT"]))) == 0:
                    break
            assert process.poll() is None, (tmp_path / "web.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


def test_idle_connections_do_not_hold_up_a_shutdown(
    site: subprocess.Popen[bytes], environment: dict[str, str], tmp_path: Path
) -> None:
    base = f"http://127.0.0.1:{environment['PORT']}"
    with requests.Session() as http:
        assert http.get(f"{base}/health", timeout=PATIENCE_S).status_code == 200
        site.send_signal(signal.SIGTERM)
        assert site.wait(timeout=PATIENCE_S) == 0
    log = (tmp_path / "web.log").read_text()
    assert "graceful timeout" not in log
    assert "Traceback" not in log


def test_who_was_on_the_way_when_it_was_told_to_stop_is_served(
    site: subprocess.Popen[bytes], environment: dict[str, str]
) -> None:
    base = f"http://127.0.0.1:{environment['PORT']}"
    assert requests.get(f"{base}/health", timeout=PATIENCE_S).status_code == 200
    site.send_signal(signal.SIGTERM)
    answers = [requests.get(f"{base}/health", timeout=PATIENCE_S) for _ in range(5)]
    assert [one.status_code for one in answers] == [200] * 5
    assert site.wait(timeout=PATIENCE_S) == 0


@pytest.fixture
def hurried(environment: dict[str, str]) -> None:
    """Let the site wait a second for a head instead of 75."""
    environment["GUNICORN_CMD_ARGS"] = "--keep-alive 1"


@pytest.mark.usefixtures("hurried", "site")
def test_a_head_that_never_ends_is_cut_off(environment: dict[str, str]) -> None:
    """Each byte comes in time; the whole does not."""
    head = b"GET /ws/fitness HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\n"
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", int(environment["PORT"]))) as client:
        client.sendall(head)
        while not select.select([client], [], [], 0.05)[0]:
            client.sendall(b"X")
            assert time.monotonic() < begun + PATIENCE_S, "it waits for ever"
        assert client.recv(4096) == b""


def test_a_wrong_variable_stops_it_with_one_line(environment: dict[str, str]) -> None:
    ended = subprocess.run(
        GUNICORN,
        cwd=ROOT,
        env={**environment, "TOKEN_KEYS": "nonsense"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.returncode != 0
    lines = [line for line in (ended.stdout + ended.stderr).splitlines() if line.strip()]
    assert len(lines) == 1
    assert "TOKEN_KEYS" in lines[0]
    assert "nonsense" not in lines[0]
