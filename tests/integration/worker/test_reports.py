"""What is reported to Sentry, and what is not."""

import gzip
import json
import logging
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import structlog
from flask import Flask

from domain.settings import Settings
from tests.integration.web.conftest import SECRET, token_of
from web import create_app
from web.db import EXTENSION
from worker.logs import configure_logging
from worker.reports import reports

PRIVATE = "anna@example.com"


class Sentry:
    """Takes envelopes as Sentry does."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.raw = b""

    def take(self, body: bytes) -> None:
        """Keep an envelope's events: a head, then pairs of lines."""
        self.raw += body
        _, *lines = body.split(b"\n")
        for head, content in zip(lines[::2], lines[1::2], strict=False):
            if json.loads(head)["type"] == "event":
                self.events.append(json.loads(content))


@pytest.fixture
def reported(settings: Settings) -> Iterator[tuple[Sentry, Settings]]:
    """Sentry, and settings that name it."""
    sentry = Sentry()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            packed = self.headers.get("Content-Encoding") == "gzip"
            sentry.take(gzip.decompress(body) if packed else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    dsn = f"http://key@127.0.0.1:{server.server_port}/1"
    yield sentry, settings.model_copy(update={"sentry_dsn": dsn, "supabase_jwt_secret": SECRET})
    reports.end()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def as_lines(settings: Settings) -> Iterator[None]:
    """Log as a deployed process does, until the end of the test.

    A logger stays what it was when it first told something: the next test's would too.
    """
    configure_logging("INFO", "json")
    yield
    configure_logging(settings.log_level, settings.log_format)


def broken(_person: str) -> str:
    raise ValueError(f"{PRIVATE} is not a number")


def raises(log: Callable[..., None], **more: Any) -> None:
    try:
        broken(PRIVATE)
    except ValueError as error:
        log("it.broke", person=PRIVATE, sync_id="7", **more, exc_info=error)


@pytest.mark.usefixtures("as_lines")
def test_an_error_is_reported_without_what_is_private(
    reported: tuple[Sentry, Settings],
) -> None:
    sentry, settings = reported
    reports.begin(settings)
    with structlog.contextvars.bound_contextvars(request_id="r-1", task="fitness.sweep"):
        raises(structlog.get_logger("tests").error)
    structlog.get_logger("tests").error("it.drifted", lines=3)
    logging.getLogger("foreign").error("cannot serve %s", PRIVATE)
    structlog.get_logger("tests").warning("it.waits")
    reports.end()

    first, second, third = sentry.events
    assert first["tags"] == {"request_id": "r-1", "task": "fitness.sweep", "sync_id": "7"}
    (error,) = first["exception"]["values"]
    assert (error["type"], error["value"]) == ("ValueError", "")
    assert error["stacktrace"]["frames"][-1]["function"] == "broken"
    assert (second["message"], third["message"]) == ("it.drifted", "foreign")
    assert PRIVATE.encode() not in sentry.raw


def test_a_broken_route_is_reported_under_its_request(
    reported: tuple[Sentry, Settings],
) -> None:
    sentry, settings = reported
    app: Flask = create_app(settings)
    app.add_url_rule("/broken", view_func=lambda: broken(PRIVATE))
    token = token_of(settings.supabase_url, uuid.uuid4())
    answer = app.test_client().get(
        f"/broken?who={PRIVATE}",
        headers={"Authorization": f"Bearer {token}", "X-Request-ID": "r-2"},
    )
    reports.end()
    app.extensions[EXTENSION].close()

    assert answer.status_code == 500
    (event,) = [one for one in sentry.events if "exception" in one]
    assert event["tags"]["request_id"] == "r-2"
    assert {"user", "request", "breadcrumbs"}.isdisjoint(event)
    assert token.encode() not in sentry.raw
    assert PRIVATE.encode() not in sentry.raw
