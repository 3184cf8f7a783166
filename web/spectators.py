"""`/api/v1/spectators/{competitionId}`: public competitions for who shows no credential.

A big screen in an event hall has nobody who signs in.
"""

import uuid

from sqlalchemy.orm import Session

from domain.errors import NotFound
from domain.payouts import distributing
from domain.payouts.distributing import Distributed
from domain.payouts.listing import of_distribution
from models import PrizePlan
from web.admission import admit
from web.api import Routes
from web.db import front
from web.limits import SPECTATORS
from web.people import NOBODY
from web.replies import Reply, reply
from web.schemas.spectators import SpectatedAnswer

routes = Routes("spectators")

SHOWN = 10


@routes.route(
    "GET",
    "/spectators/<uuid:competition_id>",
    SpectatedAnswer,
    limit=SPECTATORS,
)
def spectate(competition_id: uuid.UUID) -> Reply:
    """Show a public competition and its winners, without a credential."""
    with front().unit() as unit:
        session = unit.session
        row = admit(session, NOBODY, competition_id)
        plan = session.get(PrizePlan, competition_id)
        made = None if plan is None else _distributed(session, competition_id)
        best = [] if made is None else of_distribution(session, made.distribution.id, None, SHOWN)
        # What a correction added is nobody's place.
        best = [one for one in best if one.payout.award_id is not None]
        return reply(SpectatedAnswer.of(row, plan, made, best))


def _distributed(session: Session, competition_id: uuid.UUID) -> Distributed | None:
    try:
        return distributing.get(session, competition_id)
    except NotFound:
        return None
