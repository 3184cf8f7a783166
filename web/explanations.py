"""`/api/v1/competitions/{id}/participants/{userId}/score`: where a score comes from."""

import uuid
from http import HTTPStatus

from domain.scoring.explain import explain
from web.admission import admit
from web.api import Routes
from web.db import front
from web.people import Caller
from web.replies import Reply, reply
from web.schemas.explanations import ExplanationAnswer

routes = Routes("explanations")


@routes.route(
    "GET",
    "/competitions/<uuid:competition_id>/participants/<uuid:user_id>/score",
    ExplanationAnswer,
    refusals={
        HTTPStatus.NOT_FOUND: "There is no such participant.",
    },
)
def get(caller: Caller, competition_id: uuid.UUID, user_id: uuid.UUID) -> Reply:
    """Explain a score: each day, each source, what was counted and what was not, and why."""
    with front().unit() as unit:
        admit(unit.session, caller, competition_id, user_id)
        found = explain(unit.session, competition_id, user_id)
        return reply(ExplanationAnswer.of(found))
