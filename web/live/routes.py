"""`/ws/leaderboard/{competitionId}` and `/ws/fitness`."""

import uuid
from collections.abc import Callable
from functools import wraps
from urllib.parse import urlsplit

from flask import Flask, request
from flask_sock import Sock

from domain.errors import NotAllowed, NotFound
from web import tickets
from web.auth import bearer_token, refuse_token_in
from web.db import EXTENSION as FRONT
from web.db import Front, front
from web.identity import Identity
from web.live import events
from web.live.guest import Guest, or_end
from web.live.hub import Hub
from web.live.page import page_config
from web.live.positions import resume_from
from web.live.socket import Socket
from web.live.sync_feed import SyncWatcher
from web.live.talk import Enter, Talk
from web.live.watcher import Watcher

EXTENSION = events.EXTENSION
SOCKETS = "/ws/"
PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def register(app: Flask) -> None:
    """Put sockets and event streams, and what the page asks for, into `app` with its front."""
    hub = Hub(app.extensions[FRONT])
    app.extensions[EXTENSION] = hub
    app.before_request(check_origin)
    sock = Sock()
    sock.route("/ws/leaderboard/<competition_id>")(_served(hub, _leaderboard))
    sock.route("/ws/fitness")(_served(hub, _fitness))
    sock.init_app(app)
    events.routes.register(app)
    tickets.routes.register(app)
    app.add_url_rule("/page-config.json", view_func=page_config)


def check_origin() -> None:
    """Refuse sockets to pages of foreign origins; what is no browser names no origin."""
    origin = request.headers.get("Origin")
    if origin is None or not request.path.startswith(SOCKETS):
        return
    settings = front().settings
    if origin not in settings.cors_origins and _place(origin) != _place(request.host_url):
        raise NotAllowed("Pages of this origin may not.", code="origin_refused")


def _place(url: str) -> tuple[str | None, int | None]:
    try:
        parts = urlsplit(url)
        return parts.hostname, parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return None, None


def _leaderboard(hub: Hub, socket: Socket, competition_id: str) -> Enter:
    house, resume = front(), resume_from(request.args.get("epoch"), request.args.get("offset"))

    def enter(guest: Guest) -> None:
        hub.know(socket, guest)
        board = visible(house, guest, competition_id)
        hub.watch(board, guest, Watcher(socket, str(guest.caller.user_id), resume))

    return enter


def _fitness(hub: Hub, socket: Socket) -> Enter:
    def enter(guest: Guest) -> None:
        hub.know(socket, guest)
        hub.watch_syncs(SyncWatcher(socket, guest.caller.user_id))

    return enter


def visible(house: Front, guest: Guest, competition_id: str) -> uuid.UUID:
    """Return the competition's id if the guest may see it. Raises NotFound."""
    try:
        wanted = uuid.UUID(competition_id)
    except ValueError as error:
        raise NotFound("No such competition.", code="competition_not_found") from error
    house.facts.seen_by(guest.caller, wanted)
    return wanted


def _served(hub: Hub, serve: Callable[..., Enter]) -> Callable[..., None]:
    """Wrap a socket's handler: a credential before it, and a close code whatever happens.

    The handler returns at once, and the socket lives on in the hub.
    """

    @wraps(serve)
    def handler(socket: Socket, **parts: str) -> None:
        def begin() -> None:
            refuse_token_in(request.args.items(multi=True))
            identity = _shown(front())
            talk = Talk(socket, front(), hub.door, serve(hub, socket, **parts))
            if identity is not None:
                talk.admit(identity)

        address = request.remote_addr or ""
        or_end(socket, lambda: hub.check_room(address))
        hub.open(socket, address)
        or_end(socket, lambda: None if socket.closing else begin())
        socket.start()

    return handler


def _shown(house: Front) -> Identity | None:
    """Check the credential of the request, if there is one. Raises Unauthorised."""
    if header := request.headers.get("Authorization"):
        return house.tokens.verify(bearer_token(header))
    if ticket := request.args.get("ticket"):
        return house.tickets.take(ticket)
    return None
