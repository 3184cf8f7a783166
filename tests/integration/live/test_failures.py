"""An error in a socket's handler ends in a close code, never in an HTTP answer in the stream."""

from pathlib import Path

import pytest
import requests
from sqlalchemy import make_url

from domain.live.messages import CloseCode
from sandbox.ports import free_port
from sandbox.postgres import EmbeddedPostgres
from sandbox.valkey import EmbeddedValkey
from tests.integration.live.conftest import Site, Stage, token_of


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
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Origin": origin.format(port=site.port),
    }
    url = f"http://127.0.0.1:{site.port}/ws/fitness"
    with requests.get(url, headers=headers, timeout=5, stream=True) as answer:
        assert answer.status_code == status
