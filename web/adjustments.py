"""`/api/v1/prizes/adjustments/{competitionId}`: corrections of prizes, by two admins."""

import uuid
from http import HTTPStatus

from domain import clock
from domain.prizes import adjustments
from web.admission import admit
from web.api import Routes
from web.db import front
from web.idempotency import keep
from web.people import Caller
from web.replies import Reply, reply
from web.schemas.adjustments import (
    AdjustmentAnswer,
    AdjustmentBody,
    AdjustmentsAnswer,
    DifferenceAnswer,
)

routes = Routes("adjustments")

PATH = "/prizes/adjustments/<uuid:competition_id>"
REFUSALS = {
    HTTPStatus.NOT_FOUND: "There is no such competition.",
    HTTPStatus.CONFLICT: "Its prizes are not calculated yet.",
}


@routes.route("GET", PATH, AdjustmentsAnswer, refusals=REFUSALS)
def list_(caller: Caller, competition_id: uuid.UUID) -> Reply:
    """List adjustments, and where awards and the standing that holds now differ."""
    with front().unit() as unit:
        competition = admit(unit.session, caller, competition_id)
        different = adjustments.differences(unit.session, competition)
        found = adjustments.of_competition(unit.session, competition_id)
    return reply(
        AdjustmentsAnswer(
            items=[AdjustmentAnswer.of(one) for one in found],
            differences=[DifferenceAnswer.model_validate(one) for one in different],
        )
    )


@routes.route(
    "POST",
    PATH,
    AdjustmentAnswer,
    status=HTTPStatus.CREATED,
    refusals={
        **REFUSALS,
        HTTPStatus.NOT_FOUND: "There is no such competition, or this person is not in it.",
    },
)
def propose(caller: Caller, competition_id: uuid.UUID, body: AdjustmentBody) -> Reply:
    """Propose that someone is owed something, or owes it. No award ever changes."""
    wish, now = (body.user_id, body.amount, body.reason), clock.now()
    with front().unit() as unit:
        made = adjustments.propose(unit.session, competition_id, *wish, caller.person, now)
        answer = AdjustmentAnswer.of(adjustments.see(unit.session, made))
        return keep(unit, reply(answer, HTTPStatus.CREATED))


@routes.route(
    "POST",
    f"{PATH}/<uuid:adjustment_id>/approve",
    AdjustmentAnswer,
    refusals={
        HTTPStatus.FORBIDDEN: "You have proposed it yourself.",
        HTTPStatus.NOT_FOUND: "There is no such adjustment.",
        HTTPStatus.CONFLICT: "Its prizes are not distributed, or what it takes back has left.",
    },
)
def approve(caller: Caller, competition_id: uuid.UUID, adjustment_id: uuid.UUID) -> Reply:
    """Approve what another admin has proposed; it is then paid, or taken from what has not left.

    A repeat does nothing.
    """
    which, now = (competition_id, adjustment_id), clock.now()
    with front().unit() as unit:
        made = adjustments.approve(unit.session, *which, caller.person, now)
        unit.after_commit(lambda: front().doorbell.ring("payouts.pay"))
        answer = AdjustmentAnswer.of(adjustments.see(unit.session, made))
        return keep(unit, reply(answer))
