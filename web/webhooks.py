"""`/webhooks/stripe`: what vendors tell unasked is kept, and worked off later."""

from http import HTTPStatus

from flask import request

from domain import clock
from domain.webhooks import Vendor, keep
from web.api import Routes
from web.db import front
from web.errors import SIGNATURE, Malformed, Unauthorised
from web.replies import Reply, no_content
from web.requests import whole_body

routes = Routes("webhooks", prefix="/webhooks")

LARGEST = 256 * 1024
"""Bytes. An event shows a whole account or transfer."""


@routes.route(
    "POST",
    "/stripe",
    None,
    status=HTTPStatus.NO_CONTENT,
    largest=LARGEST,
    refusals={
        HTTPStatus.BAD_REQUEST: "It is signed, but no event.",
        HTTPStatus.UNAUTHORIZED: "`Stripe-Signature` is missing, wrong, or five minutes old.",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
        HTTPStatus.SERVICE_UNAVAILABLE: "The database is down; send it again.",
    },
)
def stripe() -> Reply:
    """Take an event that Stripe sends. One that comes again changes nothing.

    The body is the event as Stripe signs it, in the header `Stripe-Signature`.
    """
    body = whole_body()
    event_id, kind = _signed(body)
    with front().unit() as unit:
        if keep(unit.session, Vendor.STRIPE, event_id, kind, body, clock.now()):
            unit.after_commit(lambda: front().doorbell.ring("webhooks.sweep"))
    return no_content()


def _signed(body: bytes) -> tuple[str, str]:
    """Return the id and the kind of an event that Stripe has signed."""
    # Not at the top: see `domain.payouts.rails.hosted`.
    from domain.payouts.rails import stripe_events as events

    signature = request.headers.get("Stripe-Signature", "")
    try:
        events.verify(body, signature, front().settings.stripe_webhook_secret)
        return events.name_of(body)
    except events.SignatureInvalid as error:
        raise Unauthorised(error.detail, code=error.code, schemes=(SIGNATURE,)) from error
    except events.EventUnreadable as error:
        raise Malformed(error.detail, code=error.code) from error
