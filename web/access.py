"""Request ids, the access log and headers that every answer carries."""

import re
import time
from http import HTTPStatus

import structlog
from flask import Flask, Request, Response, g, request
from flask.globals import request_ctx

from domain.ids import new_id
from web.counters import requests

log = structlog.get_logger("web.access")

REQUEST_ID = "X-Request-ID"
SHAPE = re.compile(r"[A-Za-z0-9._:-]{1,128}")
SAFE_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
PAGE_POLICY = (
    *("default-src 'self'", "base-uri 'none'", "form-action 'self'"),
    *("frame-ancestors 'none'", "object-src 'none'"),
)
"""Nothing inline, so that words which get into a page run nowhere."""
YEAR_SECONDS = 31_536_000
QUIET = {"/health", "/health/ready", "/metrics"}
"""Asked every few seconds by machines, which see themselves that something is not ready."""


def install(app: Flask) -> None:
    """Give every request an id and a line in the log."""
    app.before_request(_begin)
    app.after_request(_end)


def page_policy(*more: str) -> str:
    """Return the Content-Security-Policy of a page that needs `more` besides its own files."""
    return "; ".join((*PAGE_POLICY, *more))


def _begin() -> None:
    g.began = time.perf_counter()
    given = request.headers.get(REQUEST_ID, "")
    g.request_id = given if SHAPE.fullmatch(given) else str(new_id())
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    response.headers[REQUEST_ID] = g.request_id
    for name, value in SAFE_HEADERS:
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", API_POLICY)
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = f"max-age={YEAR_SECONDS}"
    if "caller" in g:
        response.headers.setdefault("Cache-Control", "no-store")
    _tell(request_ctx.request, response, time.perf_counter() - g.began)
    return response


def _tell(asked: Request, response: Response, seconds: float) -> None:
    """Count the answer and log it."""
    status, rule = response.status_code, asked.url_rule
    # What no route has asked for is one series, whatever words clients think of.
    where = (asked.method, rule.rule) if rule is not None else ("", "")
    requests(*where, status).observe(seconds)
    if asked.path not in QUIET or status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _write(asked, response, seconds)


def _write(asked: Request, response: Response, seconds: float) -> None:
    """Log the path without its query, where a ticket may stand."""
    arguments = asked.view_args or {}
    ids = {name: str(value) for name, value in arguments.items() if name.endswith("_id")}
    ours = response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    (log.warning if ours else log.info)(
        "request",
        method=asked.method,
        path=asked.path,
        status=response.status_code,
        ms=round(seconds * 1000, 1),
        size=response.content_length,
        replayed=asked.method == "POST" and "Idempotency-Replayed" in response.headers,
        **ids,
    )
