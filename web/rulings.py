"""`/api/v1/competitions/{id}/participants/{userId}`: taken off the board, and put back."""

import uuid
from functools import partial
from http import HTTPStatus

from domain import clock
from domain.competitions.participants import ParticipantSeen
from domain.competitions.rulings import rule
from models import RulingKind
from web.admission import admit
from web.api import Routes
from web.db import front
from web.idempotency import keep
from web.people import Caller
from web.replies import Reply, reply
from web.schemas.competitions import ParticipantAnswer
from web.schemas.rulings import RulingBody

routes = Routes("rulings")

REFUSALS = {
    HTTPStatus.NOT_FOUND: "There is no such participant.",
    HTTPStatus.CONFLICT: "It was cancelled, or it is final and you are no admin.",
}
PARTICIPANT = "/competitions/<uuid:competition_id>/participants/<uuid:user_id>"


@routes.route("POST", f"{PARTICIPANT}/disqualify", ParticipantAnswer, refusals=REFUSALS)
def disqualify(
    caller: Caller, competition_id: uuid.UUID, user_id: uuid.UUID, body: RulingBody
) -> Reply:
    """Take a participant off the board. They keep their place."""
    return _rule(caller, competition_id, user_id, RulingKind.DISQUALIFIED, body.reason)


@routes.route("POST", f"{PARTICIPANT}/reinstate", ParticipantAnswer, refusals=REFUSALS)
def reinstate(
    caller: Caller, competition_id: uuid.UUID, user_id: uuid.UUID, body: RulingBody
) -> Reply:
    """Put a disqualified participant back on the board."""
    return _rule(caller, competition_id, user_id, RulingKind.REINSTATED, body.reason)


def _rule(
    caller: Caller, competition_id: uuid.UUID, user_id: uuid.UUID, kind: RulingKind, reason: str
) -> Reply:
    with front().unit() as unit:
        admit(unit.session, caller, competition_id)
        ruled = rule(
            unit.session,
            competition_id,
            user_id,
            kind,
            reason,
            caller.person,
            clock.now(),
            is_admin=caller.is_admin,
        )
        for task in ("leaderboards.flush", *(["competitions.sweep"] if ruled.standing else [])):
            unit.after_commit(partial(front().doorbell.ring, task))
        out = kind is RulingKind.DISQUALIFIED
        seen = ParticipantSeen(ruled.participant, ruled.display_name, reason if out else None)
        return keep(unit, reply(ParticipantAnswer.of(seen)))
