"""`/api/v1/competitions/{id}/standing`: what a competition came to."""

import uuid
from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated

from flask import Response
from pydantic import Field, TypeAdapter

from domain.competitions import standing as standings
from domain.competitions.standing import Line
from web.admission import admit
from web.api import Routes
from web.cursors import part_of, read_cursor, write_cursor
from web.db import Front, front
from web.limits import EXPORT
from web.people import Caller
from web.replies import Reply, reply
from web.schemas.fields import Page
from web.schemas.standings import (
    LineAnswer,
    StandingAnswer,
    StandingQuery,
    VersionAnswer,
    VersionQuery,
)
from web.spreadsheets import CSV, harmless, written

routes = Routes("standings")

LAST_PLACE = 10**9
"""More than there are people; a page that follows it is still counted in 32 bits."""
BY_PLACE = TypeAdapter(Annotated[int, Field(ge=1, le=LAST_PLACE)])
CSV_PAGE = 2_000
ABSENT = {HTTPStatus.NOT_FOUND: "Nothing is frozen yet."}
COMPETITION = "/competitions/<uuid:competition_id>"


@routes.route("GET", f"{COMPETITION}/standing", StandingAnswer, refusals=ABSENT)
def get(caller: Caller, competition_id: uuid.UUID, query: StandingQuery) -> Reply:
    """Show places of a frozen standing; while it is reviewed or corrected, versions follow."""
    after = read_cursor(BY_PLACE, query.cursor) or 0
    with front().unit() as unit:
        competition = admit(unit.session, caller, competition_id)
        version = standings.get_version(unit.session, competition_id, query.version)
        found = standings.lines(unit.session, version.id, after, query.limit + 1)
    shown, last = part_of(found, query.limit)
    return reply(
        StandingAnswer(
            competition_id=competition_id,
            version=VersionAnswer.of(version, competition),
            items=[LineAnswer.model_validate(one) for one in shown],
            next_cursor=write_cursor(BY_PLACE, last.place) if last else None,
        )
    )


@routes.route("GET", f"{COMPETITION}/standings", Page[VersionAnswer], refusals=ABSENT)
def versions(caller: Caller, competition_id: uuid.UUID) -> Reply:
    """List the versions of a standing, the newest first."""
    with front().unit() as unit:
        competition = admit(unit.session, caller, competition_id)
        found = standings.versions(unit.session, competition_id)
    items = [VersionAnswer.of(one, competition) for one in found]
    return reply(Page(items=items, next_cursor=None))


@routes.route("GET", f"{COMPETITION}/standing.csv", None, text=CSV, limit=EXPORT, refusals=ABSENT)
def table(caller: Caller, competition_id: uuid.UUID, query: VersionQuery) -> Response:
    """Show a frozen standing as a table for spreadsheets."""
    with front().unit() as unit:
        admit(unit.session, caller, competition_id)
        version = standings.get_version(unit.session, competition_id, query.version)
    name = f"standing-{competition_id}-{version.version}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(_csv(front(), version.id), mimetype=CSV, headers=headers)


def _csv(here: Front, standing_id: int) -> Iterator[str]:
    """Yield a complete version page by page; none of it changes meanwhile."""
    yield written([("rank", "user_id", "display_name", "score", "computed", "posted")])
    place = 0
    while True:
        with here.unit() as unit:
            page = standings.lines(unit.session, standing_id, place, CSV_PAGE)
        if not page:
            return
        place = page[-1].place
        yield written(map(_cells, page))


def _cells(line: Line) -> tuple[object, ...]:
    name = harmless(line.display_name)
    return (line.rank, line.user_id, name, line.score, line.computed, line.posted)
