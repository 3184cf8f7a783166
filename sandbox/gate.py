"""What every call of a vendor passes: it is counted, and it may meet a fault."""

import gzip
from collections.abc import Iterator
from typing import Any

import orjson
from flask import Flask, Response, g, request

from sandbox import fit_errors, google_fit, oauth_errors
from sandbox.calls import CUT, Call
from sandbox.faults import AFTER_THE_ACT, UNANSWERED, Fault, FaultKind
from sandbox.stripe import api as stripe
from sandbox.stripe import errors as stripe_errors
from sandbox.waiting import wait
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
        response = _spoiled(response, g.fault) if g.fault else response
        _compress(response)
        if not _is_control():
            path = request.url_rule.rule if request.url_rule else request.path
            cut = g.fault is not None and g.fault.kind in UNANSWERED
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
    if not (fault.kind in AFTER_THE_ACT and _keeps_keys()):
        wait(fault)
    if fault.kind is FaultKind.CUT:
        return Response(_nothing())
    if fault.kind is FaultKind.STATUS:
        return _refusal(fault)
    return None


def _keeps_keys() -> bool:
    """Whether the act itself waits, because its idempotency key is in use meanwhile."""
    return request.method == "POST" and request.path.startswith(stripe.PREFIX)


def _spoiled(response: Response, fault: Fault) -> Response:
    """What arrives of the answer to something that was done."""
    match fault.kind:
        case FaultKind.LOSE:
            return Response(_nothing())
        case FaultKind.STUMBLE:
            return _refusal(fault)
        case FaultKind.TRUNCATE:
            _compress(response)
            response.response = _half(response.get_data())
    return response


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
    if name in stripe_errors.NAMED:
        return stripe_errors.NAMED[name].body
    if name is None and request.path.startswith(stripe.PREFIX):
        usual = stripe_errors.BY_STATUS.get(fault.status, "stripe_api_error")
        return stripe_errors.NAMED[usual].body
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
