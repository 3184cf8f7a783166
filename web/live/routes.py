"""`/ws/leaderboard/{competitionId}` and `/ws/fitness`."""

import uuid
from collections.abc import Callable
from functools import wraps

import structlog
from flask import Flask, request
from flask_sock import Sock

from domain.errors import NotFound, Unavailable
from domain.leaderboards.board import Position
from domain.live.messages import CloseCode
from web.db import EXTENSION as FRONT
from web.db import front
from web.errors import DATABASE_AWAY
from web.live.guest import Guest, Refusal, admit, refuse_token_in
from web.live.hub import Hub
from web.live.page import page_config
from web.live.socket import Closed, Socket
from web.live.sync_feed import SyncWatcher
from web.live.watcher import Watcher

log = structlog.get_logger(__name__)

EXTENSION = "podium.live"


def register(app: Flask) -> None:
    """Put the sockets, and what the page asks for, into `app`; its front must be there."""
    hub = Hub(app.extensions[FRONT])
    app.extensions[EXTENSION] = hub
    sock = Sock()
    sock.route("/ws/leaderboard/<competition_id>")(_served(hub, _leaderboard))
    sock.route("/ws/fitness")(_served(hub, _fitness))
    sock.init_app(app)
    app.add_url_rule("/page-config.json", view_func=page_config)


def _leaderboard(hub: Hub, socket: Socket, guest: Guest, competition_id: str) -> None:
    board = _visible(guest, competition_id)
    watcher = Watcher(socket, str(guest.caller.user_id), _resume())
    with hub.watching(board, guest, watcher):
        guest.stay()


def _fitness(hub: Hub, socket: Socket, guest: Guest) -> None:
    with hub.watching_syncs(SyncWatcher(socket, guest.caller.user_id)):
        guest.stay()


def _visible(guest: Guest, competition_id: str) -> uuid.UUID:
    try:
        wanted = uuid.UUID(competition_id)
        front().facts.seen_by(guest.caller, wanted)
    except (ValueError, NotFound) as error:
        raise Refusal(CloseCode.NOT_FOUND, "competition_not_found") from error
    return wanted


def _resume() -> Position | None:
    epoch, offset = request.args.get("epoch"), request.args.get("offset", type=int)
    if not epoch or offset is None or not 0 <= offset < 2**53:
        return None
    return Position(epoch, offset)


def _served(hub: Hub, serve: Callable[..., None]) -> Callable[..., None]:
    """Wrap a socket's handler: a credential before it, and a close code whatever happens.

    Nothing may be raised from here: the answer to an error would be written into the socket.
    """

    @wraps(serve)
    def handler(socket: Socket, **parts: str) -> None:
        with hub.open(socket):
            try:
                refuse_token_in(request.args.items(multi=True))
                guest = admit(socket, front(), request.headers.get("Authorization"))
                serve(hub, socket, guest, **parts)
            except Closed:
                log.debug("live.closed")
            except Refusal as refusal:
                socket.close(refusal.code, refusal.reason)
            except DATABASE_AWAY as error:
                log.warning("live.database_unavailable", error=str(error.__cause__ or error))
                socket.close(CloseCode.INTERNAL_ERROR, Unavailable.code)
            except Exception:
                log.exception("live.failed", path=request.path)
                socket.close(CloseCode.INTERNAL_ERROR)
            socket.finish()

    return handler
