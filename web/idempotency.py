"""`Idempotency-Key` on every POST that creates or moves something."""

import hashlib
import re
from collections.abc import Callable
from http import HTTPStatus

from flask import g, request

from domain import clock, idempotency
from domain.errors import PodiumError
from domain.idempotency import Answer, Claim, Scope
from web.db import front
from web.errors import Malformed, problem_of
from web.replies import Reply
from web.requests import whole_body
from worker.unit import Unit

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
SHAPE = re.compile(r"[\x21-\x7e]{1,255}")
FROM_STATE = {
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""Refusals that follow from the state at the time, and are answers like any other."""


def once(caller: str, effect: Callable[[], Reply]) -> Reply:
    """Run `effect`, unless its request carries a key that has been answered."""
    key = request.headers.get(HEADER)
    if key is None:
        return effect()
    if not SHAPE.fullmatch(key):
        raise Malformed(f"{HEADER} must be 1 to 255 printable ASCII characters without spaces.")
    held = _claim(Scope(caller, f"{request.method} {request.url_rule}", key))
    if isinstance(held, Answer):
        return Reply(held.status, held.body, {**held.headers, REPLAYED: "true"})
    g.claim = held
    try:
        return effect()
    except PodiumError as error:
        _keep_refusal(held, error)
        raise
    except BaseException:
        _release(held)
        raise


def keep(unit: Unit, reply: Reply) -> Reply:
    """Store `reply` under the request's key, if it has one, in the transaction of its effect."""
    held: Claim | None = g.pop("claim", None)
    if held is not None:
        idempotency.keep(unit.session, held, _answer(reply))
    return reply


def _claim(scope: Scope) -> Claim | Answer:
    with front().unit() as unit:
        return idempotency.claim(unit.session, scope, _fingerprint(), clock.now())


def _fingerprint() -> bytes:
    sent = request.path.encode() + b"\0" + whole_body()
    return hashlib.sha256(sent).digest()


def _keep_refusal(held: Claim, error: PodiumError) -> None:
    reply = problem_of(error)
    if reply.status not in FROM_STATE or isinstance(error, idempotency.InFlight):
        _release(held)
        return
    with front().unit() as unit:
        idempotency.keep(unit.session, held, _answer(reply))


def _release(held: Claim) -> None:
    with front().unit() as unit:
        idempotency.release(unit.session, held)


def _answer(reply: Reply) -> Answer:
    return Answer(reply.status, dict(reply.headers), reply.body)
