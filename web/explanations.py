"""`/api/v1/competitions/{id}/participants/{userId}`: where a score comes from."""

import uuid
from http import HTTPStatus
from typing import Annotated

from pydantic import Field, TypeAdapter

from domain.scoring.explain import explain
from domain.scoring.postings import list_postings
from web.admission import admit
from web.api import Routes
from web.cursors import part_of, read_cursor, write_cursor
from web.db import front
from web.limits import STATS
from web.people import Caller
from web.replies import Reply, reply
from web.schemas.explanations import ExplanationAnswer
from web.schemas.fields import Page, PageQuery
from web.schemas.postings import PostingLine

routes = Routes("explanations")

BY_NUMBER = TypeAdapter(Annotated[int, Field(ge=1, le=2**63 - 1)])
PARTICIPANT = "/competitions/<uuid:competition_id>/participants/<uuid:user_id>"
ABSENT = {HTTPStatus.NOT_FOUND: "There is no such participant."}


@routes.route("GET", f"{PARTICIPANT}/score", ExplanationAnswer, limit=STATS, refusals=ABSENT)
def get(caller: Caller, competition_id: uuid.UUID, user_id: uuid.UUID) -> Reply:
    """Explain a score: each day, each source, what was counted and what was not, and why."""
    with front().unit() as unit:
        admit(unit.session, caller, competition_id, user_id)
        found = explain(unit.session, competition_id, user_id)
        return reply(ExplanationAnswer.of(found))


@routes.route("GET", f"{PARTICIPANT}/postings", Page[PostingLine], refusals=ABSENT)
def postings(
    caller: Caller, competition_id: uuid.UUID, user_id: uuid.UUID, query: PageQuery
) -> Reply:
    """List what services posted to a score, the latest first."""
    before = read_cursor(BY_NUMBER, query.cursor)
    with front().unit() as unit:
        admit(unit.session, caller, competition_id, user_id)
        found = list_postings(unit.session, competition_id, user_id, query.limit + 1, before)
    shown, last = part_of(found, query.limit)
    cursor = write_cursor(BY_NUMBER, last.posting.number) if last else None
    return reply(Page(items=[PostingLine.of(one) for one in shown], next_cursor=cursor))
