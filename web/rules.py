"""`/api/v1/competitions/{id}`: changes before the start, what the rules were, and copies."""

import uuid
from http import HTTPStatus
from typing import Annotated

from pydantic import Field, TypeAdapter

from domain import clock
from domain.competitions.competition import see
from domain.competitions.copying import copy
from domain.competitions.past_rules import list_versions
from domain.competitions.rules import change
from models import Competition
from web.admission import admit
from web.api import PREFIX, Routes
from web.cursors import part_of, read_cursor, write_cursor
from web.db import front
from web.idempotency import keep
from web.limits import CREATE
from web.people import Caller
from web.replies import Reply, reply
from web.schemas.competitions import CompetitionAnswer
from web.schemas.fields import Page, PageQuery
from web.schemas.rules import ChangeBody, CopyBody, RulesAnswer
from worker.unit import Unit

routes = Routes("competitions")

BY_VERSION = TypeAdapter(Annotated[int, Field(ge=1, le=2**31 - 1)])


@routes.route(
    "PATCH",
    "/competitions/<uuid:competition_id>",
    CompetitionAnswer,
    refusals={
        HTTPStatus.CONFLICT: "It has started, more people take part than would be let in, or money"
        " lies in its pool that the new prize has no use for.",
    },
)
def patch(caller: Caller, competition_id: uuid.UUID, body: ChangeBody) -> Reply:
    """Change a competition that I organise; what is left out stays.

    Rules may change before the start, and `rules_version` rises with them; after it only name and
    description may. What is sent as it is already counts as left out.
    """
    with front().unit() as unit:
        seen = admit(unit.session, caller, competition_id)
        changed = change(unit.session, caller.person, seen, body.given())
        if changed.rules:
            unit.after_commit(lambda: front().doorbell.ring("leaderboards.flush"))
        if changed.owes:
            unit.after_commit(lambda: front().doorbell.ring("fitness.pull_batch"))
        return reply(_seen(unit, caller, changed.competition))


@routes.route(
    "GET",
    "/competitions/<uuid:competition_id>/rules",
    Page[RulesAnswer],
)
def versions(caller: Caller, competition_id: uuid.UUID, query: PageQuery) -> Reply:
    """List the versions of a competition's rules, the newest first, which is the one that holds."""
    before = read_cursor(BY_VERSION, query.cursor)
    with front().unit() as unit:
        competition = admit(unit.session, caller, competition_id)
        found = list_versions(unit.session, competition, query.limit + 1, before)
    shown, last = part_of(found, query.limit)
    items = [RulesAnswer.of(one, competition) for one in shown]
    cursor = write_cursor(BY_VERSION, last.version) if last else None
    return reply(Page(items=items, next_cursor=cursor))


@routes.route(
    "POST",
    "/competitions/<uuid:competition_id>/copy",
    CompetitionAnswer,
    status=HTTPStatus.CREATED,
    limit=CREATE,
    refusals={
        HTTPStatus.UNPROCESSABLE_ENTITY: "The times do not fit together.",
    },
)
def copy_(caller: Caller, competition_id: uuid.UUID, body: CopyBody) -> Reply:
    """Hold a competition that I may see once more, as its organiser, by the same rules."""
    start, end, name, now = body.starts_at, body.ends_at, body.name, clock.now()
    with front().unit() as unit:
        model = admit(unit.session, caller, competition_id)
        made = copy(unit.session, caller.person, model, start, end, name, now)
        unit.after_commit(lambda: front().doorbell.ring("leaderboards.flush"))
        location = f"{PREFIX}/competitions/{made.id}"
        seen = _seen(unit, caller, made)
        return keep(unit, reply(seen, HTTPStatus.CREATED, location=location))


def _seen(unit: Unit, caller: Caller, competition: Competition) -> CompetitionAnswer:
    (seen,) = see(unit.session, [competition], caller.person)
    return CompetitionAnswer.of(seen)
