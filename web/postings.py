"""`/api/v1/leaderboard/update`: points from services."""

from http import HTTPStatus

from flask import request

from domain import clock
from domain.scoring import postings
from web.api import Routes
from web.db import front
from web.idempotency import HEADER, keep
from web.replies import Reply, reply
from web.schemas.postings import PostingAnswer, PostingBody
from web.services import Service

routes = Routes("postings")


@routes.route(
    "POST",
    "/leaderboard/update",
    PostingAnswer,
    refusals={
        HTTPStatus.NOT_FOUND: "There is no such competition, or this person is not in it.",
        HTTPStatus.CONFLICT: "It takes no points any more, or the score would leave its bounds.",
    },
)
def update(caller: Service, body: PostingBody) -> Reply:
    """Set the posted part of someone's score, or change it.

    The score is what was computed from data and what was posted. The posted part is never negative.
    Send an `Idempotency-Key`: without one, an increment that is repeated counts twice.
    """
    key = request.headers.get(HEADER)
    with front().unit() as unit:
        posted = postings.post(unit.session, body.points(), caller.key_id, key, clock.now())
        unit.after_commit(lambda: front().doorbell.ring("leaderboards.flush"))
        return keep(unit, reply(PostingAnswer.of(posted)))
