"""`/api/v1/spectators/{competitionId}`: public competitions for who shows no credential.

A big screen in an event hall has nobody who signs in.
"""

import uuid
from http import HTTPStatus

from sqlalchemy.orm import Session

from domain.competitions.competition import get_visible
from domain.errors import NotFound
from domain.payouts import distributing
from domain.payouts.distributing import Distributed
from domain.payouts.listing import of_distribution
from models import PrizePlan
from web.api import Routes
from web.db import front
from web.limits import SPECTATORS
from web.replies import Reply, reply
from web.schemas.spectators import SpectatedAnswer

routes = Routes("spectators")

SHOWN = 10
ABSENT = {HTTPStatus.NOT_FOUND: "There is no such public competition."}


@routes.route(
    "GET",
    "/spectators/<uuid:competition_id>",
    SpectatedAnswer,
    refusals=ABSENT,
    limit=SPECTATORS,
)
def spectate(competition_id: uuid.UUID) -> Reply:
    """Show a public competition and its winners, without a credential."""
    with front().unit() as unit:
        session = unit.session
        row = get_visible(session, competition_id, None)
        plan = session.get(PrizePlan, competition_id)
        made = None if plan is None else _distributed(session, competition_id)
        best = [] if made is None else of_distribution(session, made.distribution.id, None, SHOWN)
        return reply(SpectatedAnswer.of(row, plan, made, best))


def _distributed(session: Session, competition_id: uuid.UUID) -> Distributed | None:
    try:
        return distributing.get(session, competition_id)
    except NotFound:
        return None
