"""Phones against a server that answers as it is told."""

import json
import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest

from sandbox.phone import Owner, Phone, Places, Refused
from sandbox.phones import Phones


class Script(ThreadingHTTPServer):
    """What the next calls answer, and what was called."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Scripted)
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.expires_in = 3600

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def paths(self) -> list[str]:
        return [path for path, _ in self.calls]


class Scripted(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        script = cast("Script", self.server)
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        script.calls.append((self.path, dict(self.headers)))
        if self.path.startswith("/auth"):
            self._answer(200, {}, {
                "access_token": f"access-{len(script.calls)}",
                "refresh_token": "refresh",
                "expires_in": script.expires_in,
            })  # fmt: skip
        else:
            status, headers = script.answers.pop(0) if script.answers else (202, {})
            self._answer(status, headers, {})

    def _answer(self, status: int, headers: dict[str, str], body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def script() -> Iterator[Script]:
    server = Script()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def phone(script: Script) -> Iterator[Phone]:
    owner = Owner("walker-001", "sub", "walker-001@sandbox.test", "Alva A.", "Europe/Berlin")
    made = Phone(owner, Places(script.url, script.url))
    yield made
    made.close()


SIGN_IN = "/auth/v1/token?grant_type=password"
RENEW = "/auth/v1/token?grant_type=refresh_token"
SYNC = "/api/v1/fitness/sync"


def test_a_call_names_itself_and_its_intention(phone: Phone, script: Script) -> None:
    phone.sync()
    phone.sync()
    first, second = (headers for path, headers in script.calls if path == SYNC)
    assert first["Idempotency-Key"] != second["Idempotency-Key"]
    assert first["X-Request-ID"] != second["X-Request-ID"]
    assert first["Authorization"] == second["Authorization"]


def test_a_token_about_to_expire_is_renewed(phone: Phone, script: Script) -> None:
    script.expires_in = 30
    phone.sync()
    phone.sync()
    assert script.paths() == [SIGN_IN, SYNC, RENEW, SYNC]


def test_a_refused_token_is_replaced_once(phone: Phone, script: Script) -> None:
    script.answers = [(401, {}), (401, {})]
    with pytest.raises(Refused, match="401"):
        phone.sync()
    assert script.paths() == [SIGN_IN, SYNC, SIGN_IN, SYNC]


def test_who_is_limited_rests_as_long_as_asked(phone: Phone, script: Script) -> None:
    phones = Phones([phone], random.Random(1))
    script.answers = [(429, {"Retry-After": "30"})]
    for now in (0.0, 29.0, 31.0):
        phones.turn(now)
    assert script.paths().count(SYNC) == 3
    assert phones.report() == "asked 2, limited 1, failed 0"
    assert phones.report() == "asked 0, limited 0, failed 0"


def test_a_server_that_is_away_is_counted(phone: Phone, script: Script) -> None:
    phones = Phones([phone], random.Random(1))
    script.answers = [(503, {"Retry-After": "9"})]
    phones.turn(0.0)
    assert phones.report() == "asked 0, limited 0, failed 1"
