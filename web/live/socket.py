"""A server's WebSocket: whole frames, bounded memory, and limits on what a client may send.

It takes the place of simple-websocket's server in flask-sock's routes: that one sends partially
under gevent, lets writers interleave, hangs on a message that is too large, has no limits and
negotiates compression whenever it is offered. The frames themselves are wsproto's.
"""

import time
from collections.abc import Callable
from typing import Any

import flask_sock
import h11
from werkzeug.exceptions import BadRequest
from wsproto import ConnectionType
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    TextMessage,
)
from wsproto.handshake import H11Handshake
from wsproto.utilities import ProtocolError

from domain.live.messages import CloseCode
from web.live.connection import Connection
from web.live.frames import Frame

MESSAGE_LIMIT = 64 * 1024
"""Bytes of one message from a client."""

MOST_PIECES = 300
"""Frames and parts of frames in WINDOW_S; a message of full size on a poor line has about 120."""

WINDOW_S = 10.0

UPGRADE_HEADERS = ("CONNECTION", "UPGRADE", "SEC_WEBSOCKET_KEY", "SEC_WEBSOCKET_VERSION")


class Socket(Connection):
    """One WebSocket. What the client says goes to `heard`, which must not wait."""

    __slots__ = ("_parts", "_pieces", "_pinged", "_protocol", "_size", "_window_ends", "heard")

    mode = "gunicorn"
    """Asked for by flask-sock: how to tell the server that the response has been sent."""

    def __init__(self, environ: dict[str, Any], **_options: object) -> None:
        """Answer the handshake. Raises BadRequest, with nothing sent, for a wrong one."""
        self._protocol, answer = _shake_hands(environ)
        super().__init__(environ)
        self.heard: Callable[[str], None] = lambda _: None
        self._parts: list[str] = []
        self._size = 0
        self._pieces = 0
        self._window_ends = 0.0
        self._pinged = False
        self._put(answer)

    def close(self, *_: object) -> None:
        """Do nothing: flask-sock says only that the handler has returned."""

    def send(self, frame: Frame) -> None:
        """Send a whole frame without waiting."""
        self._put_or_end(frame.frame)

    def _say_goodbye(self, code: int, reason: str) -> None:
        self._put(bytes(self._protocol.send(CloseConnection(code, reason))))

    def _ask_for_life(self) -> None:
        if self._pinged:
            self._cut()
        else:
            self._pinged = True
            self._put_or_end(bytes(self._protocol.send(Ping())))

    def _take(self, data: bytes) -> None:
        self._pinged = False
        self._protocol.receive_data(data)
        for event in self._protocol.events():
            self._take_event(event)
            if self._gone:
                return

    def _take_event(self, event: Event) -> None:
        if isinstance(event, CloseConnection):
            self.end(event.code, event.reason or "")
            self._lose()
        elif self._closing:
            return
        elif self._is_flooded():
            self.end(CloseCode.TOO_SLOW_OR_TOO_MANY, "too_many_frames")
        elif isinstance(event, Ping):
            self._put_or_end(bytes(self._protocol.send(event.response())))
        elif isinstance(event, TextMessage):
            self._take_text(event)
        elif isinstance(event, BytesMessage):
            self.end(CloseCode.BAD_MESSAGE, "text_only")

    def _is_flooded(self) -> bool:
        now = time.monotonic()
        if now >= self._window_ends:
            self._pieces, self._window_ends = 0, now + WINDOW_S
        self._pieces += 1
        return self._pieces > MOST_PIECES

    def _take_text(self, event: TextMessage) -> None:
        self._size += len(event.data.encode())
        if self._size > MESSAGE_LIMIT:
            self._parts = []
            self.end(CloseCode.TOO_LARGE, "message_too_large")
            return
        self._parts.append(event.data)
        if event.message_finished:
            text = "".join(self._parts)
            self._parts, self._size = [], 0
            self.heard(text)


def _shake_hands(environ: dict[str, Any]) -> tuple[Any, bytes]:
    handshake = H11Handshake(ConnectionType.SERVER)
    headers = [
        (name.replace("_", "-").encode(), environ[f"HTTP_{name}"].encode("latin-1"))
        for name in UPGRADE_HEADERS
        if f"HTTP_{name}" in environ
    ]
    try:
        handshake.initiate_upgrade_connection([(b"Host", b"here"), *headers], "/")
        answer = handshake.send(AcceptConnection())
    except (ProtocolError, h11.ProtocolError) as error:
        raise BadRequest(str(error)) from error
    return handshake.connection, bytes(answer)


flask_sock.Server = Socket  # its routes look the name up there and take no other
