"""`/api/v1/leaderboard/{competitionId}`."""

import uuid
from http import HTTPStatus

from flask import Response, request

from web.admission import admit_to_board
from web.api import Routes
from web.board_facts import Facts
from web.board_pages import Shown
from web.board_views import Wanted
from web.db import front
from web.people import Caller
from web.replies import JSON
from web.schemas.leaderboard import Leaderboard, LeaderboardQuery

routes = Routes("leaderboard")

UNCHANGED = {HTTPStatus.NOT_MODIFIED: "Nothing has changed since the `ETag` in `If-None-Match`."}


@routes.route(
    "GET",
    "/leaderboard/<uuid:competition_id>",
    Leaderboard,
    also=UNCHANGED,
)
def get(caller: Caller, competition_id: uuid.UUID, query: LeaderboardQuery) -> Response:
    """Show rows of a board, and my own."""
    facts = admit_to_board(caller, competition_id)
    wanted = Wanted(competition_id, query, str(caller.user_id))
    shown = None if facts.finished else _from_redis(facts, wanted)
    if shown is None:
        body, digest = front().board_table.view(facts, wanted)
        # Of a moving board its rows may be newer than its position, so it gets no ETag.
        return _answer(body, digest) if facts.finished else _response(body)
    tag = f"{shown.position.epoch}.{shown.position.offset}.{wanted.name}.{wanted.me}"
    return _answer(shown.body, tag)


def _from_redis(facts: Facts, wanted: Wanted) -> Shown | None:
    pages = front().board_pages
    at = pages.position(wanted.competition_id)
    if at is None:
        return None
    return pages.page(facts, at, wanted) if wanted.is_page else pages.view(facts, at, wanted)


def _answer(body: bytes, tag: str) -> Response:
    if request.if_none_match.contains_weak(tag):
        return _response(b"", tag, HTTPStatus.NOT_MODIFIED)
    return _response(body, tag)


def _response(body: bytes, tag: str | None = None, status: int = HTTPStatus.OK) -> Response:
    headers = {
        "Content-Type": JSON,
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization",
    }
    if tag is not None:
        headers["ETag"] = f'W/"{tag}"'
    return Response(body, status, headers=headers)
