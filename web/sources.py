"""`/api/v1/fitness/sources`: which of my devices is believed first."""

from http import HTTPStatus

from domain import clock
from domain.fitness.sources import list_sources, put_in_order
from web.api import Routes
from web.db import front
from web.people import Caller
from web.replies import Reply, reply
from web.schemas.fields import Page
from web.schemas.sources import OrderBody, SourceAnswer

routes = Routes("sources")


@routes.route("GET", "/fitness/sources", Page[SourceAnswer])
def get(caller: Caller) -> Reply:
    """List where my data comes from, the first believed first."""
    with front().unit() as unit:
        found = list_sources(unit.session, caller.person, clock.now())
    items = [SourceAnswer.model_validate(one) for one in found]
    return reply(Page(items=items, next_cursor=None))


@routes.route(
    "PUT",
    "/fitness/sources",
    Page[SourceAnswer],
    refusals={HTTPStatus.NOT_FOUND: "My account was erased."},
)
def put(caller: Caller, body: OrderBody) -> Reply:
    """Put my sources in order. It counts for competitions that start from now on."""
    with front().unit() as unit:
        found = put_in_order(unit.session, caller.person, body.keys, clock.now())
    items = [SourceAnswer.model_validate(one) for one in found]
    return reply(Page(items=items, next_cursor=None))
