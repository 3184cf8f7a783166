"""The path by which tests and operators turn the sandbox: `/control`.

Moments are RFC 3339 or epoch milliseconds. A person is named by id (`walker-001`), by sub or by
e-mail address. Bad bodies answer 422, unknown people 404, both with `{"error": ...}`.

GET    /control/health                    {"status", "now", "people"}
GET    /control/people                    {"items": [person], "admin": {...}}
POST   /control/people {"count"}          more people, who stay; {"items": [new people]}
GET    /control/people/{p}                one person
GET    /control/people/{p}/code           ?scopes=&prompt=consent&redirect_uri=&code_challenge=
                                          &code_challenge_method= : {"code", "expires_in"}
GET    /control/people/{p}/truth          ?from=&to=&complete=true
POST   /control/people/{p}/walk           a `walk_orders.WalkOrder`
POST   /control/people/{p}/revoke         the Google grant is gone
POST   /control/people/{p}/expire         the access tokens handed out so far are dead
GET    /control/clock, POST {"offset_s"} or {"now"}
GET    /control/keys, POST /control/keys/rotate, POST /control/keys/{kid}/revoke
POST   /control/oauth/rotation            {"enabled", "grace_s"?, "person"?}
POST   /control/oauth/lifetime            {"seconds" or null}
GET    /control/faults, POST (a `FaultOrder`), DELETE
GET    /control/stripe/accounts, POST {"ready"?, "metadata"?}
POST   /control/stripe/accounts/{a}/ready, /restrict, /withdraw
GET    /control/stripe/transfers
POST   /control/stripe/transfers/{t}/reverse {"amount"?}
GET    /control/stripe/balance, POST {"currency", "amount"}
GET    /control/stripe/webhooks, POST {"url"?, "secret"?, "copies"?, "late_ms"?}
POST   /control/stripe/webhooks/again     all events once more, the newest first
GET    /control/calls                     ?path=&person= : {"total", "items"}; DELETE resets
"""

from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from pydantic import AwareDatetime, Field, ValidationError

from sandbox import control_faults, control_people, control_stripe
from sandbox.current import here
from sandbox.grants import EVERYONE
from sandbox.orders import Order, Refused, find, moment_ms, rfc3339

blueprint = Blueprint("control", __name__, url_prefix="/control")
blueprint.register_blueprint(control_people.blueprint)
blueprint.register_blueprint(control_faults.blueprint)
blueprint.register_blueprint(control_stripe.blueprint)


class ClockOrder(Order):
    offset_s: float | None = None
    now: AwareDatetime | None = None


class RotationOrder(Order):
    enabled: bool
    grace_s: int = Field(default=0, ge=0)
    person: str | None = None


class LifetimeOrder(Order):
    seconds: int | None = Field(ge=0)


@blueprint.errorhandler(ValidationError)
def invalid(error: ValidationError) -> ResponseReturnValue:
    return jsonify(error=error.errors(include_url=False, include_context=False)), 422


@blueprint.errorhandler(Refused)
def refused(error: Refused) -> ResponseReturnValue:
    return jsonify(error=str(error)), error.status


@blueprint.get("/health")
def health() -> ResponseReturnValue:
    return {"status": "ok", "people": len(here().people), **_clock()}


@blueprint.get("/clock")
def read_clock() -> ResponseReturnValue:
    return _clock()


@blueprint.post("/clock")
def set_clock() -> ResponseReturnValue:
    order, clock = ClockOrder.model_validate(request.get_json()), here().clock
    if order.now is not None:
        clock.set_now(moment_ms(order.now))
    elif order.offset_s is not None:
        clock.offset_ms = round(order.offset_s * 1000)
    return _clock()


@blueprint.get("/keys")
def keys() -> ResponseReturnValue:
    return {"items": here().keys.states()}


@blueprint.post("/keys/rotate")
def rotate_keys() -> ResponseReturnValue:
    here().keys.rotate()
    return keys()


@blueprint.post("/keys/<kid>/revoke")
def revoke_key(kid: str) -> ResponseReturnValue:
    if not here().keys.revoke(kid):
        raise Refused(404, f"no previously used key {kid}")
    return keys()


@blueprint.post("/oauth/rotation")
def rotation() -> ResponseReturnValue:
    order = RotationOrder.model_validate(request.get_json())
    person = find(order.person).id if order.person else EVERYONE
    here().grants.set_rotation(person, order.grace_s if order.enabled else None)
    return "", 204


@blueprint.post("/oauth/lifetime")
def lifetime() -> ResponseReturnValue:
    order = LifetimeOrder.model_validate(request.get_json())
    here().grants.set_refresh_lifetime(order.seconds)
    return "", 204


@blueprint.get("/calls")
def calls() -> ResponseReturnValue:
    person = request.args.get("person")
    return here().calls.listed(request.args.get("path"), find(person).id if person else None)


@blueprint.delete("/calls")
def clear_calls() -> ResponseReturnValue:
    here().calls.clear()
    return "", 204


def _clock() -> dict[str, Any]:
    clock = here().clock
    return {"now": rfc3339(clock.now_ms()), "offset_s": clock.offset_ms / 1000}
