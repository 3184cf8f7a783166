"""A server's WebSocket under gevent: one greenlet reads, sends never wait, memory is bounded.

It takes the place of simple-websocket's server in flask-sock's routes: that one sends partially
under gevent, lets writers interleave, hangs on a message that is too large, has no limits and
negotiates compression whenever it is offered. The frames themselves are wsproto's.
"""

import contextlib
import os
import socket
import ssl
import time
from collections import deque
from typing import Any

import flask_sock
import gevent
import h11
import structlog
from gevent.socket import wait_write
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

log = structlog.get_logger(__name__)

MESSAGE_LIMIT = 64 * 1024
"""Bytes of one message from a client."""

BACKLOG_LIMIT = 64 * 1024
"""Bytes that wait in this process for a slow reader; the kernel holds about as much again."""

PING_S = 25.0
"""A client that has been silent so long is pinged; after the same time again it is gone."""

GOODBYE_S = 5.0
"""How long a closed socket waits for the client to take the news."""

UPGRADE_HEADERS = ("CONNECTION", "UPGRADE", "SEC_WEBSOCKET_KEY", "SEC_WEBSOCKET_VERSION")


class Closed(Exception):
    """The socket is over, whoever ended it."""


class Socket:
    """One connection. `receive` belongs to one greenlet; any greenlet may `send` and `close`."""

    mode = "gunicorn"
    """Asked for by flask-sock: how to tell the server that the response has been sent."""

    def __init__(self, environ: dict[str, Any], **_options: object) -> None:
        """Answer the handshake. Raises BadRequest, with nothing sent, for a wrong one."""
        raw = environ.get("gunicorn.socket")
        plain = isinstance(raw, gevent.socket.socket) and not isinstance(raw, ssl.SSLSocket)
        if raw is None or not plain:
            raise RuntimeError("sockets need gunicorn's gevent worker and a proxy that ends TLS")
        self._raw = raw
        self._fd = raw.fileno()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BACKLOG_LIMIT)
        self._protocol = self._shake_hands(environ)
        self._closing = False
        self._gone = False
        self._messages: deque[str] = deque()
        self._parts: list[str] = []
        self._size = 0
        self._backlog: deque[bytes] = deque()
        self._waiting = 0
        self._begun = False
        """Whether the first waiting frame has left in part; it must then be finished."""
        self._writer: gevent.Greenlet[..., None] | None = None
        self._ping_at = time.monotonic() + PING_S
        self._pinged = False

    def _shake_hands(self, environ: dict[str, Any]) -> Any:
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
        self._raw.sendall(answer)
        return handshake.connection

    @property
    def closing(self) -> bool:
        """Whether a close has been sent or the connection is lost; nothing more is delivered."""
        return self._closing

    @property
    def waiting(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return self._waiting

    def send(self, frame: bytes) -> None:
        """Send a whole frame without waiting. On a closing socket it does nothing.

        What the kernel does not take waits for a writer; a reader too slow for that is closed.
        """
        if self._closing:
            return
        self._put(frame)
        if self._waiting > BACKLOG_LIMIT:
            log.info("live.too_slow", waiting=self._waiting)
            self.close(CloseCode.TOO_SLOW_OR_TOO_MANY, "too_slow")

    def close(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Tell the client why and end. Frames not begun are dropped: a client resumes by offset."""
        if self._closing:
            return
        self._closing = True
        while len(self._backlog) > self._begun:
            self._waiting -= len(self._backlog.pop())
        self._put(bytes(self._protocol.send(CloseConnection(code, reason))))
        gevent.spawn_later(GOODBYE_S, self._lose)

    def receive(self, until: float | None = None) -> str:
        """Wait for a message. Raises Closed, or TimeoutError when time.monotonic() is `until`."""
        while not self._messages:
            self._read(None if self._closing else until)
        return self._messages.popleft()

    def finish(self) -> None:
        """Close if need be, see the client off, and touch the connection no more."""
        self.close()
        with contextlib.suppress(Closed):
            while True:
                self.receive()
        self._gone = True
        if self._writer is not None:
            self._writer.kill()

    def _read(self, until: float | None) -> None:
        if self._gone:
            raise Closed
        wake = self._ping_at if until is None else min(self._ping_at, until)
        self._raw.settimeout(max(wake - time.monotonic(), 0.001))
        try:
            data = self._raw.recv(4096)
        except TimeoutError:
            if until is not None and time.monotonic() >= until:
                raise
            self._ping()
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        self._pinged, self._ping_at = False, time.monotonic() + PING_S
        self._protocol.receive_data(data)
        for event in self._protocol.events():
            self._take(event)

    def _ping(self) -> None:
        if self._pinged:
            self._lose()
        elif not self._closing and time.monotonic() >= self._ping_at:
            self.send(bytes(self._protocol.send(Ping())))
            self._pinged = True
        self._ping_at = time.monotonic() + PING_S

    def _take(self, event: Event) -> None:
        if isinstance(event, CloseConnection):
            if not self._closing:
                self.close(event.code, event.reason or "")
            self._lose()
        elif self._closing:
            return
        elif isinstance(event, Ping):
            self.send(bytes(self._protocol.send(event.response())))
        elif isinstance(event, TextMessage):
            self._take_text(event)
        elif isinstance(event, BytesMessage):
            self.close(CloseCode.BAD_MESSAGE, "text_only")

    def _take_text(self, event: TextMessage) -> None:
        self._size += len(event.data.encode())
        if self._size > MESSAGE_LIMIT:
            self.close(CloseCode.TOO_LARGE, "message_too_large")
            return
        self._parts.append(event.data)
        if event.message_finished:
            self._messages.append("".join(self._parts))
            self._parts, self._size = [], 0

    def _write(self, data: bytes) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError:
            self._lose()
            return 0

    def _put(self, frame: bytes) -> None:
        sent = 0 if self._backlog else self._write(frame)
        if sent == len(frame) or self._gone:
            return
        self._begun = self._begun or sent > 0
        self._backlog.append(frame[sent:])
        self._waiting += len(frame) - sent
        if self._writer is None:
            self._writer = gevent.spawn(self._write_on)

    def _write_on(self) -> None:
        while self._backlog and not self._gone:
            first = self._backlog[0]
            sent = self._write(first)
            self._waiting -= sent
            if sent == len(first):
                self._backlog.popleft()
                self._begun = False
            elif sent:
                self._backlog[0] = first[sent:]
                self._begun = True
            else:
                wait_write(self._fd)
        self._writer = None

    def _lose(self) -> None:
        if self._gone:
            return
        self._gone = self._closing = True
        with contextlib.suppress(OSError):
            self._raw.shutdown(socket.SHUT_RDWR)


flask_sock.Server = Socket  # its routes look the name up there and take no other
