"""Event streams: `/api/v1/leaderboard/{competitionId}/events` and `/api/v1/fitness/events`."""

import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import cast

from flask import Response, current_app, request

from domain.leaderboards.board import Position
from web.admission import admit_to_board
from web.api import Routes
from web.auth import refuse_token_in
from web.db import front
from web.live.guest import Guest, Spectator, or_end, spectators_at
from web.live.hub import Hub
from web.live.positions import resume_from
from web.live.stream import EVENTS, Stream, StreamAnswer
from web.live.sync_feed import SyncWatcher
from web.live.watcher import Watcher
from web.people import NOBODY, Caller
from web.schemas.live import StreamQuery

EXTENSION = "podium.live"
REFUSALS = {
    HTTPStatus.TOO_MANY_REQUESTS: "Too many connections of this person, from this address, or here."
}

routes = Routes("live")


@routes.route(
    "GET",
    "/leaderboard/<uuid:competition_id>/events",
    None,
    text=EVENTS,
    refusals=REFUSALS,
)
def board_events(caller: Caller, competition_id: uuid.UUID, query: StreamQuery) -> Response:
    """Watch a board by Server-Sent Events: the messages of its socket, one in each event.

    An event's id is `<epoch>:<offset>`; a client that comes back names the last one that it has
    in `Last-Event-ID`. Messages of one's own place have no id. `/asyncapi.json` has the messages.
    """
    admit_to_board(caller, competition_id)
    resume = _last_event() or resume_from(query.epoch, query.offset)

    def watch(hub: Hub, stream: Stream, guest: Guest) -> None:
        hub.watch(competition_id, guest, Watcher(stream, str(caller.user_id), resume))

    return _stream(caller, watch)


@routes.route(
    "GET",
    "/spectators/<uuid:competition_id>/events",
    None,
    text=EVENTS,
    refusals={
        HTTPStatus.TOO_MANY_REQUESTS: "Too many connections from this address, or here.",
    },
)
def spectator_events(competition_id: uuid.UUID, query: StreamQuery) -> Response:
    """Watch a public board without a credential: its messages, with no place of one's own."""
    admit_to_board(NOBODY, competition_id)
    resume = _last_event() or resume_from(query.epoch, query.offset)

    address = _address()

    def enter(hub: Hub, stream: Stream) -> None:
        spectator = Spectator(stream, address)
        hub.know(stream, spectator)
        hub.watch(competition_id, spectator, Watcher(stream, str(NOBODY.user_id), resume))

    return _answer(spectators_at(address), enter)


@routes.route("GET", "/fitness/events", None, text=EVENTS, refusals=REFUSALS)
def fitness_events(caller: Caller) -> Response:
    """Follow my syncs by Server-Sent Events: the messages of `/ws/fitness`, without ids."""

    def watch(hub: Hub, stream: Stream, guest: Guest) -> None:
        hub.watch_syncs(SyncWatcher(stream, guest.caller.user_id))

    return _stream(caller, watch)


def _stream(caller: Caller, watch: Callable[[Hub, Stream, Guest], None]) -> Response:
    house = front()

    def enter(hub: Hub, stream: Stream) -> None:
        guest = Guest(stream, house, caller.identity)
        hub.know(stream, guest)
        watch(hub, stream, guest)

    return _answer(caller.name, enter)


def _answer(name: str, enter: Callable[[Hub, Stream], None]) -> Response:
    """Answer with a stream that the hub takes over. Raises before anything is sent, or never."""
    hub, address = cast("Hub", current_app.extensions[EXTENSION]), _address()
    hub.check_room(address, name)

    def begin(stream: Stream) -> None:
        hub.open(stream, address)
        stream.start()
        or_end(stream, lambda: enter(hub, stream))

    return StreamAnswer(begin)


def _address() -> str:
    refuse_token_in(request.args.items(multi=True))
    return request.remote_addr or ""


def _last_event() -> Position | None:
    epoch, _, offset = request.headers.get("Last-Event-ID", "").rpartition(":")
    return resume_from(epoch, offset)
