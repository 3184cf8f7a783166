"""`/api/v1/competitions/{id}/fund`: money for its prizes."""

import uuid
from http import HTTPStatus

from domain import clock
from domain.prizes import funding
from web.api import Routes
from web.db import front
from web.idempotency import keep
from web.limits import PRIZES
from web.people import Caller
from web.replies import Reply, reply
from web.schemas.prize_plans import FundBody, PoolAnswer
from web.services import Service

routes = Routes("prizes")


@routes.route(
    "POST",
    "/competitions/<uuid:competition_id>/fund",
    PoolAnswer,
    limit=PRIZES,
    refusals={
        HTTPStatus.NOT_FOUND: "There is no such competition.",
        HTTPStatus.CONFLICT: "It has no prize, has started, was cancelled, or lacks less.",
        HTTPStatus.UNPROCESSABLE_ENTITY: "Its prize is in another currency.",
    },
)
def fund(caller: Caller | Service, competition_id: uuid.UUID, body: FundBody) -> Reply:
    """Put money into a pool before the start, at once or in parts.

    Each call adds its amount, so send an `Idempotency-Key`: without one, a part that is repeated
    counts twice. A pool never takes more than the prize.
    """
    author = caller.author_id
    with front().unit() as unit:
        amount, currency, now = body.amount, body.currency, clock.now()
        funded = funding.fund(unit.session, competition_id, amount, currency, author, now)
        return keep(unit, reply(PoolAnswer.of(funded)))
