"""Each POST is carried out once for each idempotency key, whatever becomes of its answer."""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue

from sandbox.current import here
from sandbox.faults import FaultKind
from sandbox.stripe import errors
from sandbox.stripe.errors import StripeError
from sandbox.stripe.keys import Kept
from sandbox.waiting import wait

HEADER = "Idempotency-Key"
LONGEST = 255


def once(act: Callable[..., dict[str, Any]]) -> Callable[..., ResponseReturnValue]:
    """Make a route of a function that does something and returns what it made."""

    @wraps(act)
    def view(**path: str) -> ResponseReturnValue:
        key, keys = request.headers.get(HEADER), here().stripe.keys
        if key is None:
            answer = _carry_out(act, path)
            return jsonify(answer.body), answer.status
        if not 0 < len(key) <= LONGEST:
            raise errors.invalid(HEADER, f"Idempotency keys are 1 to {LONGEST} characters.")
        said = _fingerprint()
        if kept := keys.answered(key, said):
            return jsonify(kept.body), kept.status, {"Idempotent-Replayed": "true"}
        with keys.held(key):
            answer = _carry_out(act, path)
            keys.keep(key, said, answer)
            return jsonify(answer.body), answer.status

    return view


def _carry_out(act: Callable[..., dict[str, Any]], path: dict[str, str]) -> Kept:
    """Do it and return what is to be remembered. A refusal at the door is raised."""
    fault = g.fault
    if fault is not None:
        wait(fault)
    try:
        answer = Kept(200, act(**path))
    except StripeError as error:
        if not error.executed:
            raise
        answer = Kept(error.status, error.body)
    if fault is not None and fault.kind is FaultKind.STUMBLE:
        return Kept(fault.status, errors.api_error(fault.status).body)
    return answer


def _fingerprint() -> str:
    said = [request.path, *(f"{name}={value}" for name, value in sorted(request.form.items()))]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()
