"""`/api/v1/competitions`."""

import uuid
from datetime import datetime
from http import HTTPStatus

from pydantic import TypeAdapter

from domain import clock
from domain.competitions import competition as competitions
from domain.competitions import joining
from domain.competitions.participants import list_participants
from models import Competition
from web.admission import admit
from web.api import PREFIX, Routes
from web.cursors import part_of, read_cursor, write_cursor
from web.db import front
from web.idempotency import keep
from web.limits import CREATE, JOIN
from web.people import Caller
from web.replies import Reply, reply
from web.schemas.competitions import (
    CompetitionAnswer,
    CompetitionBody,
    CompetitionQuery,
    JoinBody,
    ParticipantAnswer,
)
from web.schemas.fields import Page, PageQuery
from worker.unit import Unit

routes = Routes("competitions")

BY_ID = TypeAdapter(uuid.UUID)
BY_JOINING = TypeAdapter(tuple[datetime, uuid.UUID])


@routes.route(
    "POST",
    "/competitions",
    CompetitionAnswer,
    status=HTTPStatus.CREATED,
    limit=CREATE,
    refusals={HTTPStatus.UNPROCESSABLE_ENTITY: "The times or the rules do not fit together."},
)
def create(caller: Caller, body: CompetitionBody) -> Reply:
    """Make a competition and become its organiser."""
    with front().unit() as unit:
        made = competitions.create(unit.session, caller.person, body.decided(), clock.now())
        unit.after_commit(lambda: front().doorbell.ring("leaderboards.flush"))
        location = f"{PREFIX}/competitions/{made.id}"
        return keep(unit, _seen(unit, caller, made, HTTPStatus.CREATED, location))


@routes.route("GET", "/competitions", Page[CompetitionAnswer])
def list_(caller: Caller, query: CompetitionQuery) -> Reply:
    """List the competitions that I may see, newest first."""
    before, limit = read_cursor(BY_ID, query.cursor), query.limit + 1
    status, mine = query.status, query.mine
    with front().unit() as unit:
        found = competitions.list_visible(
            unit.session, caller.person, status=status, mine=mine, limit=limit, before=before
        )
        shown, last = part_of(found, query.limit)
        seen = competitions.see(unit.session, shown, caller.person)
    cursor = write_cursor(BY_ID, last.id) if last else None
    return reply(Page(items=[CompetitionAnswer.of(one) for one in seen], next_cursor=cursor))


@routes.route("GET", "/competitions/<uuid:competition_id>", CompetitionAnswer)
def get(caller: Caller, competition_id: uuid.UUID) -> Reply:
    """Show one competition."""
    with front().unit() as unit:
        return _seen(unit, caller, admit(unit.session, caller, competition_id))


@routes.route(
    "POST",
    "/competitions/<uuid:competition_id>/join",
    CompetitionAnswer,
    limit=JOIN,
    refusals={
        HTTPStatus.FORBIDDEN: "A private competition, and not its invite code.",
        HTTPStatus.CONFLICT: "It is full, over, or takes no late joiners.",
    },
)
def join(caller: Caller, competition_id: uuid.UUID, body: JoinBody) -> Reply:
    """Take part. Joining twice is not an error."""
    with front().unit() as unit:
        joined = joining.join(
            unit.session, caller.person, competition_id, body.invite_code, clock.now()
        )
        if joined.new:
            unit.after_commit(lambda: front().doorbell.ring("leaderboards.flush"))
        if joined.owes:
            unit.after_commit(lambda: front().doorbell.ring("fitness.pull_batch"))
        return keep(unit, _seen(unit, caller, joined.competition))


@routes.route(
    "POST",
    "/competitions/<uuid:competition_id>/leave",
    CompetitionAnswer,
    limit=JOIN,
    refusals={
        HTTPStatus.NOT_FOUND: "You are not in it.",
        HTTPStatus.CONFLICT: "It has started, or was cancelled.",
    },
)
def leave(caller: Caller, competition_id: uuid.UUID) -> Reply:
    """Stop taking part, before the start."""
    with front().unit() as unit:
        admit(unit.session, caller, competition_id)
        left = joining.leave(unit.session, caller.person, competition_id, clock.now())
        unit.after_commit(lambda: front().doorbell.ring("leaderboards.flush"))
        return keep(unit, _seen(unit, caller, left))


@routes.route(
    "GET",
    "/competitions/<uuid:competition_id>/participants",
    Page[ParticipantAnswer],
)
def participants(caller: Caller, competition_id: uuid.UUID, query: PageQuery) -> Reply:
    """List who takes part, in order of joining."""
    after = read_cursor(BY_JOINING, query.cursor)
    with front().unit() as unit:
        competition = admit(unit.session, caller, competition_id)
        found = list_participants(
            unit.session,
            competition,
            caller.person,
            organises=caller.directs(competition),
            limit=query.limit + 1,
            after=after,
        )
    shown, last = part_of(found, query.limit)
    key = (last.participant.joined_at, last.participant.user_id) if last else None
    cursor = write_cursor(BY_JOINING, key) if key else None
    return reply(Page(items=[ParticipantAnswer.of(one) for one in shown], next_cursor=cursor))


def _seen(
    unit: Unit,
    caller: Caller,
    competition: Competition,
    status: HTTPStatus = HTTPStatus.OK,
    location: str | None = None,
) -> Reply:
    (seen,) = competitions.see(unit.session, [competition], caller.person)
    return reply(CompetitionAnswer.of(seen), status, location=location)
