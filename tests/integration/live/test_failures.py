"""An error in a socket's handler ends in a close code, never in an HTTP answer in the stream."""

from pathlib import Path

import pytest
import requests

from domain.live.messages import CloseCode
from sandbox.ports import free_port
from sandbox.valkey import EmbeddedValkey
from tests.integration.live.conftest import Site, Stage, token_of


def test_a_handler_that_fails(valkey: EmbeddedValkey, stage: Stage, tmp_path: Path) -> None:
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    site = Site(nowhere, valkey.url, tmp_path / "log")
    with site.open(stage.path, token_of(stage.people[0])) as listener:
        assert listener.closed() == CloseCode.INTERNAL_ERROR
    site.stop()
    assert "live.failed" in site.log


@pytest.mark.parametrize("path", ["/ws/fitness", "/ws/leaderboard/x"])
def test_a_plain_request_is_no_socket(path: str, site: Site) -> None:
    answer = requests.get(f"http://127.0.0.1:{site.port}{path}", timeout=5)
    assert answer.status_code in {400, 404}


def test_a_wrong_handshake(site: Site) -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "7"}
    answer = requests.get(f"http://127.0.0.1:{site.port}/ws/fitness", headers=headers, timeout=5)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_what_the_page_learns(site: Site) -> None:
    answer = requests.get(f"http://127.0.0.1:{site.port}/page-config.json", timeout=5)
    assert answer.json() == {"supabase_url": "http://127.0.0.1:9", "sandbox": False}
