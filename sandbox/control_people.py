"""Control over people: who they are, what they walked, and their consent."""

from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from sandbox.clock import QUARTER_MS
from sandbox.current import here
from sandbox.diary import FOREVER_MS, Part
from sandbox.grants import CODE_LIFE_S
from sandbox.orders import Order, Refused, find, moment_argument, rfc3339
from sandbox.people import Person
from sandbox.streams import METRICS
from sandbox.walk_orders import WalkOrder
from sandbox.walks import Values

blueprint = Blueprint("people", __name__, url_prefix="/people")


class PeopleOrder(Order):
    count: int = Field(ge=1, le=10_000)


@blueprint.get("")
def everyone() -> ResponseReturnValue:
    world = here()
    admin = {"sub": world.admin_sub, "email": world.admin_email}
    return {"items": [_shown(person) for person in world.people.values()], "admin": admin}


@blueprint.post("")
def more() -> ResponseReturnValue:
    new = here().add_people(PeopleOrder.model_validate(request.get_json()).count)
    return {"items": [_shown(person) for person in new]}, 201


@blueprint.get("/<name>")
def one(name: str) -> ResponseReturnValue:
    return _shown(find(name))


@blueprint.get("/<name>/code")
def code(name: str) -> ResponseReturnValue:
    wanted = request.args
    minted = here().grants.mint_code(
        find(name).id,
        wanted.get("scopes", "").replace(",", " ").split(),
        force=wanted.get("prompt") == "consent",
        redirect_uri=wanted.get("redirect_uri"),
        challenge=wanted.get("code_challenge"),
        challenge_method=wanted.get("code_challenge_method", "S256"),
    )
    return {"code": minted, "expires_in": CODE_LIFE_S}


@blueprint.get("/<name>/truth")
def truth(name: str) -> ResponseReturnValue:
    complete = request.args.get("complete") == "true"
    at_ms = FOREVER_MS if complete else here().clock.now_ms()
    return _truth(find(name), moment_argument("from"), moment_argument("to"), at_ms)


@blueprint.post("/<name>/walk")
def walk(name: str) -> ResponseReturnValue:
    person, order = find(name), WalkOrder.model_validate(request.get_json())
    extras = order.extras(person, here().clock.now_ms())
    here().add_walks(person, extras)
    start_ms, end_ms = min(e.start_ms for e in extras), max(e.end_ms for e in extras)
    return {"from": rfc3339(start_ms), "to": rfc3339(end_ms)}, 201


@blueprint.post("/<name>/revoke")
def revoke(name: str) -> ResponseReturnValue:
    here().grants.revoke(find(name).id)
    return "", 204


@blueprint.post("/<name>/expire")
def expire(name: str) -> ResponseReturnValue:
    here().grants.expire_access(find(name).id)
    return "", 204


def _shown(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "sub": person.sub,
        "email": person.email,
        "display_name": person.display_name,
        "timezone": person.timezone,
        "devices": [device.kind.value for device in person.devices],
        "types_by_hand": person.types_by_hand,
        "shakes": person.shakes,
    }


def _truth(person: Person, from_ms: int, to_ms: int, at_ms: int) -> dict[str, Any]:
    """Quarter hours of [from, to), widened to whole ones; integers in 1/1000 of each unit."""
    from_ms, to_ms = from_ms // QUARTER_MS * QUARTER_MS, -(-to_ms // QUARTER_MS) * QUARTER_MS
    if from_ms >= to_ms:
        raise Refused(422, "from must lie before to")
    diary = here().diary(person)
    return {
        "person": person.id,
        "sub": person.sub,
        "from": rfc3339(from_ms),
        "to": rfc3339(to_ms),
        "slot_s": QUARTER_MS // 1000,
        "measured": _by_metric(diary.slots(Part.MEASURED, from_ms, to_ms, at_ms)),
        "manual": _by_metric(diary.slots(Part.TYPED, from_ms, to_ms, at_ms)),
    }


def _by_metric(slots: list[Values]) -> dict[str, list[int]]:
    return {metric: [slot[at] for slot in slots] for at, metric in enumerate(METRICS)}
