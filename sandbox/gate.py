"""What every call of a vendor passes: it is counted, and it may meet a fault."""

import gzip
from collections.abc import Iterator
from typing import Any

import gevent
import orjson
from flask import Flask, Response, g, request

from sandbox import fit_errors, google_fit, oauth_errors
from sandbox.calls import CUT, Call
from sandbox.faults import Fault, FaultKind
from sandbox.world import World

SMALLEST_TO_COMPRESS = 256


class ConnectionCut(Exception):
    """Raised while a response is sent: close the connection here."""


def install(app: Flask, world: World) -> None:
    @app.before_request
    def meet() -> Response | None:
        g.access = world.grants.who(_bearer())
        g.fault = None
        if _is_control():
            return None
        g.person = _caller(world)
        g.fault = world.faults.take(request.path, g.person)
        return _suffer(g.fault) if g.fault else None

    @app.after_request
    def leave(response: Response) -> Response:
        _compress(response)
        if g.fault and g.fault.kind is FaultKind.TRUNCATE:
            body = response.get_data()
            response.response = _half(body)
        if not _is_control():
            path = request.url_rule.rule if request.url_rule else request.path
            cut = g.fault is not None and g.fault.kind is FaultKind.CUT
            status = CUT if cut else response.status_code
            world.calls.count(Call(request.method, path, g.person, status))
        return response


def _is_control() -> bool:
    return request.path.startswith("/control") or request.method == "OPTIONS"


def _bearer() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _caller(world: World) -> str | None:
    """The id of the person in whose name the call is made, if that can be told."""
    if _bearer():
        return world.grants.owner(_bearer())
    if request.path.startswith("/auth/"):
        body = request.get_json(silent=True, force=True)
        person = world.find(_subject(world, body)) if isinstance(body, dict) else None
        return person.id if person else None
    for parameter in ("refresh_token", "code", "token"):
        if token := request.form.get(parameter):
            return world.grants.owner(token)
    return None


def _subject(world: World, body: dict[str, Any]) -> str:
    session = world.sessions.read(str(body.get("refresh_token")))
    return session[0] if session else str(body.get("email")).lower()


def _suffer(fault: Fault) -> Response | None:
    if fault.delay_ms:
        gevent.sleep(fault.delay_ms / 1000)
    if fault.kind is FaultKind.CUT:
        return Response(_nothing())
    if fault.kind is FaultKind.STATUS:
        return _refusal(fault)
    return None


def _refusal(fault: Fault) -> Response:
    response = Response(
        orjson.dumps(named_body(fault)), fault.status, content_type="application/json"
    )
    if fault.retry_after is not None:
        response.headers["Retry-After"] = fault.retry_after
    return response


def named_body(fault: Fault) -> dict[str, Any]:
    """The error that the fault names, or the usual one for its status on that path."""
    name = fault.body
    if name in oauth_errors.NAMED:
        return dict(oauth_errors.NAMED[name].body)
    if name is None and not request.path.startswith(google_fit.PREFIX):
        return {"error": "server_error" if fault.status >= 500 else "invalid_request"}
    if name is None:
        name = fit_errors.BY_STATUS.get(fault.status, "backend_error")
    body: dict[str, Any] = fit_errors.NAMED[name].body
    body["error"]["code"] = fault.status
    return body


def _nothing() -> Iterator[bytes]:
    yield from ()
    raise ConnectionCut


def _half(body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    raise ConnectionCut


def _compress(response: Response) -> None:
    if not request.accept_encodings.quality("gzip") or response.is_streamed:
        return
    body = response.get_data()
    if len(body) < SMALLEST_TO_COMPRESS or not request.path.startswith(google_fit.PREFIX):
        return
    response.set_data(gzip.compress(body, compresslevel=1, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
