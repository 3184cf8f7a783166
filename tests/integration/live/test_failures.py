"""An error in a socket's handler ends in a close code, never in an HTTP answer in the stream."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import requests
from sqlalchemy import make_url

from domain.live.messages import CloseCode
from sandbox.ports import free_port
from sandbox.postgres import EmbeddedPostgres
from sandbox.valkey import EmbeddedValkey
from tests.integration.live.conftest import (
    PATIENCE_S,
    ROOT,
    Site,
    Stage,
    is_open,
    token_of,
    wait_until,
)

HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[int]:
    """The port of a site of flask-sock as it comes, whose handler fails."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-c", "/dev/null", "-k", "gevent"]
    command += ["--no-control-socket", "-b", f"127.0.0.1:{port}"]
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen(
            [*command, "tests.integration.live.failing:app()"], cwd=ROOT, stdout=log, stderr=log
        )
    wait_until(lambda: is_open(port), "the site of flask-sock")
    yield port
    running.terminate()
    running.wait(PATIENCE_S)


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="flask-sock lets the error through")
def test_the_library_writes_no_answer_into_the_stream(plain: int) -> None:
    """The test below shows the same of this program's handlers, by their close code."""
    with socket.create_connection(("127.0.0.1", plain), PATIENCE_S) as client:
        lines = [f"{name}: {value}\r\n" for name, value in HANDSHAKE.items()]
        client.sendall(f"GET / HTTP/1.1\r\nHost: here\r\n{''.join(lines)}\r\n".encode())
        heard = b"".join(iter(partial(client.recv, 4096), b""))
    if not heard.startswith(b"HTTP/1.1 101"):
        pytest.fail("no socket was opened")
    assert b"HTTP/1.1 500" not in heard


def test_a_handler_that_fails(
    postgres: EmbeddedPostgres, valkey: EmbeddedValkey, stage: Stage, tmp_path: Path
) -> None:
    without_tables = make_url(postgres.url).set(database="template1")
    site = Site(without_tables.render_as_string(hide_password=False), valkey.url, tmp_path / "log")
    with site.open(stage.path, token_of(stage.people[0])) as listener:
        assert listener.closed() == CloseCode.INTERNAL_ERROR
    site.stop()
    assert "live.failed" in site.log


def test_a_lost_database_is_said_so(valkey: EmbeddedValkey, stage: Stage, tmp_path: Path) -> None:
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    site = Site(nowhere, valkey.url, tmp_path / "log")
    with site.open(stage.path, token_of(stage.people[0])) as listener:
        assert listener.closed() == CloseCode.INTERNAL_ERROR
        assert listener.connection.close_reason == "unavailable"
    site.stop()
    assert "live.database_unavailable" in site.log
    assert "Traceback" not in site.log


@pytest.mark.parametrize("path", ["/ws/fitness", "/ws/leaderboard/x"])
def test_a_plain_request_is_no_socket(path: str, site: Site) -> None:
    answer = requests.get(f"http://127.0.0.1:{site.port}{path}", timeout=60)
    assert answer.status_code in {400, 404}


def test_a_wrong_handshake(site: Site) -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "7"}
    answer = requests.get(f"http://127.0.0.1:{site.port}/ws/fitness", headers=headers, timeout=60)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_what_the_page_learns(site: Site) -> None:
    answer = requests.get(f"http://127.0.0.1:{site.port}/page-config.json", timeout=60)
    assert answer.json() == {"supabase_url": "http://127.0.0.1:9", "sandbox": False}


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:{port}", 101),
        ("https://app.example.com", 101),
        ("http://127.0.0.1:1", 403),
        ("null", 403),
        ("http://[", 403),
        ("https://evil.example", 403),
    ],
)
def test_pages_of_foreign_origins_open_no_socket(origin: str, status: int, site: Site) -> None:
    headers = {**HANDSHAKE, "Origin": origin.format(port=site.port)}
    url = f"http://127.0.0.1:{site.port}/ws/fitness"
    with requests.get(url, headers=headers, timeout=5, stream=True) as answer:
        assert answer.status_code == status
