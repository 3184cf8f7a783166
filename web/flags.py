"""`/api/v1/competitions/{id}/flags`: implausible data, and what the organiser says to it."""

import uuid
from http import HTTPStatus

from pydantic import TypeAdapter

from domain import clock
from domain.scoring.decisions import decide
from domain.scoring.flags import list_flags, see_flags
from web.admission import admit
from web.api import Routes
from web.cursors import part_of, read_cursor, write_cursor
from web.db import front
from web.idempotency import keep
from web.people import Caller
from web.replies import Reply, reply
from web.schemas.fields import Page
from web.schemas.flags import DecisionBody, FlagAnswer, FlagQuery

routes = Routes("flags")

BY_ID = TypeAdapter(uuid.UUID)


@routes.route(
    "GET",
    "/competitions/<uuid:competition_id>/flags",
    Page[FlagAnswer],
)
def list_(caller: Caller, competition_id: uuid.UUID, query: FlagQuery) -> Reply:
    """List what is doubted in my competition, newest first."""
    before = read_cursor(BY_ID, query.cursor)
    with front().unit() as unit:
        admit(unit.session, caller, competition_id)
        found = list_flags(
            unit.session,
            competition_id,
            decision=query.decision,
            limit=query.limit + 1,
            before=before,
        )
        shown, last = part_of(found, query.limit)
        cursor = write_cursor(BY_ID, last.flag.id) if last else None
        return reply(Page(items=[FlagAnswer.of(one) for one in shown], next_cursor=cursor))


@routes.route(
    "POST",
    "/competitions/<uuid:competition_id>/flags/<uuid:flag_id>",
    FlagAnswer,
    refusals={
        HTTPStatus.NOT_FOUND: "There is no such flag.",
        HTTPStatus.CONFLICT: "Its data has changed since you saw it, or the competition is over.",
    },
)
def answer(
    caller: Caller, competition_id: uuid.UUID, flag_id: uuid.UUID, body: DecisionBody
) -> Reply:
    """Accept doubted data, which then counts as far as it was accepted, or reject it."""
    with front().unit() as unit:
        admit(unit.session, caller, competition_id)
        done = decide(
            unit.session, competition_id, flag_id, body.said(), caller.person, clock.now()
        )
        if done.scores_changed:
            unit.after_commit(lambda: front().doorbell.ring("leaderboards.flush"))
        if done.standing is not None:
            unit.after_commit(lambda: front().doorbell.ring("competitions.sweep"))
        (seen,) = see_flags(unit.session, [done.flag_id])
        return keep(unit, reply(FlagAnswer.of(seen)))
