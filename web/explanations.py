"""`/api/v1/competitions/{id}/participants/{userId}/score`: where a score comes from."""

import uuid
from http import HTTPStatus

from domain.competitions.competition import get_visible
from domain.errors import NotAllowed
from domain.scoring.explain import explain
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
        HTTPStatus.NOT_FOUND: "There is no such competition for you, or no such participant.",
        HTTPStatus.FORBIDDEN: "Somebody else's data, and you are not the organiser.",
    },
)
def get(caller: Caller, competition_id: uuid.UUID, user_id: uuid.UUID) -> Reply:
    """Explain a score: each day, each source, what was counted and what was not, and why."""
    with front().unit() as unit:
        competition = get_visible(
            unit.session, competition_id, caller.person, is_admin=caller.is_admin
        )
        organises = caller.is_admin or competition.organiser_id == caller.person.id
        if user_id != caller.user_id and not organises:
            raise NotAllowed("Only the organiser may look into somebody else's data.")
        found = explain(unit.session, competition_id, user_id)
        return reply(ExplanationAnswer.of(found))
