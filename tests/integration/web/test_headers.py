"""What every answer tells browsers, and bodies that do not come."""

from io import BytesIO, RawIOBase

import gevent
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.integration.web.conftest import Caller
from web import requests
from web.errors import Malformed

PAGES = ("/", "/docs", "/live/01900000-0000-7000-8000-000000000000")
OTHERS = ("/openapi.json", "/health", "/nowhere", "/api/v1/me", "/static/page.css")


@pytest.mark.parametrize("path", PAGES + OTHERS)
def test_answers_allow_browsers_little(client: FlaskClient, path: str) -> None:
    with client.get(path) as answer:
        told = answer.headers
        policy = dict(
            part.strip().partition(" ")[::2] for part in told["Content-Security-Policy"].split(";")
        )
    assert "unsafe" not in told["Content-Security-Policy"]
    assert policy["frame-ancestors"] == "'none'"
    assert policy["default-src"] == ("'self'" if path in PAGES else "'none'")
    if path in PAGES:
        assert (policy["object-src"], policy["base-uri"]) == ("'none'", "'none'")
    assert told["X-Content-Type-Options"] == "nosniff"
    assert told["X-Frame-Options"] == "DENY"
    assert told["Referrer-Policy"] == "no-referrer"
    assert told["Cross-Origin-Opener-Policy"] == "same-origin"
    assert told["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in told["Permissions-Policy"]
    assert "Strict-Transport-Security" not in told


def test_who_came_by_https_is_to_come_so_again(client: FlaskClient) -> None:
    answer = client.get("/health", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


class Trickle(RawIOBase):
    """A body of which nothing comes."""

    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: object) -> int:
        gevent.sleep(600)
        return 0


def test_a_body_that_never_comes_is_not_waited_for(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "BODY_SECONDS", 0.05)
    body = {"wsgi.input": Trickle(), "CONTENT_LENGTH": "10"}
    with (
        app.test_request_context("/api/v1/competitions", method="POST", environ_overrides=body),
        pytest.raises(Malformed, match="in time"),
    ):
        requests.whole_body()


def test_a_body_without_a_length_is_measured_as_it_comes(caller: Caller) -> None:
    answer = caller.call(
        "POST",
        "/competitions",
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True},
        input_stream=BytesIO(b'{"name":"' + b"x" * 70_000 + b'"}'),
    )
    assert (answer.status_code, (answer.json or {})["code"]) == (413, "too_large")
