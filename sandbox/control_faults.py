"""Control over what goes wrong."""

from dataclasses import asdict

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from sandbox import fit_errors, oauth_errors
from sandbox.current import here
from sandbox.faults import Fault, FaultKind
from sandbox.orders import Order, Refused, find
from sandbox.stripe import errors as stripe_errors

blueprint = Blueprint("faults", __name__, url_prefix="/faults")

_USUAL_STATUS = (
    {name: error.code for name, error in fit_errors.NAMED.items()}
    | {name: error.status for name, error in oauth_errors.NAMED.items()}
    | {name: error.status for name, error in stripe_errors.NAMED.items()}
)


class FaultOrder(Order):
    """`count` null means until removed. `body` names an error of a vendor.

    `retry_after` is sent as it is, so it may be seconds or an HTTP date.
    """

    path: str = "/"
    kind: FaultKind
    person: str | None = None
    count: int | None = Field(default=1, ge=1)
    status: int | None = Field(default=None, ge=400, le=599)
    body: str | None = None
    retry_after: str | int | None = None
    delay_ms: int = Field(default=0, ge=0, le=600_000)
    probability: float = Field(default=1, ge=0, le=1)


@blueprint.get("")
def pending() -> ResponseReturnValue:
    return {"items": [asdict(fault) for fault in here().faults.pending]}


@blueprint.post("")
def order() -> ResponseReturnValue:
    fault = _fault(FaultOrder.model_validate(request.get_json()))
    here().faults.pending.append(fault)
    return asdict(fault), 201


@blueprint.delete("")
def remove() -> ResponseReturnValue:
    here().faults.pending.clear()
    return "", 204


def _fault(order: FaultOrder) -> Fault:
    if order.body is not None and order.body not in _USUAL_STATUS:
        raise Refused(422, f"no error is called {order.body}; there are {', '.join(_USUAL_STATUS)}")
    return Fault(
        id=here().faults.next_id(),
        path=order.path,
        kind=order.kind,
        person=find(order.person).id if order.person else None,
        left=order.count,
        status=order.status or _USUAL_STATUS.get(order.body or "", 500),
        body=order.body,
        retry_after=None if order.retry_after is None else str(order.retry_after),
        delay_ms=order.delay_ms,
        probability=order.probability,
    )
