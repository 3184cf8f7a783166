"""A connection that stays open: sends never wait, memory is bounded, and no greenlet is held.

Gunicorn's greenlet answers the request and ends. From then on the event loop calls when the client
has said something, or when the kernel takes more. Nothing here may wait.
"""

import os
import socket
import ssl
import struct
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any

import gevent
import structlog

from domain.live.messages import CloseCode
from web.counters import CLOSES
from web.live.frames import Frame

log = structlog.get_logger(__name__)

BACKLOG_LIMIT = 64 * 1024
"""Bytes that wait in this process for a slow reader; the kernel holds about as much again."""

PING_S = 25.0
"""A client that has been silent so long is asked for a sign of life."""

GOODBYE_S = 5.0
"""How long a closed connection waits for the client to take the news."""

AT_ONCE = struct.pack("ii", 1, 0)
"""Of SO_LINGER: on closing, what was not sent is thrown away."""

PIECE = 4096
CLOSE_CODES = frozenset(CloseCode)
"""A client's own codes may be anything."""
READABLE, WRITABLE = 1, 2


class Connection(ABC):
    """One client. It lives until `tick` or the client ends it."""

    # Thousands lie far apart in memory: without a dictionary, each frame touches less of it.
    __slots__ = (
        "_backlog",
        "_begun",
        "_closing",
        "_early",
        "_fd",
        "_gone",
        "_loop",
        "_lost_at",
        "_on_gone",
        "_reader",
        "_waiting",
        "_writer",
        "expired",
        "quiet_at",
        "until",
    )

    def __init__(self, environ: dict[str, Any]) -> None:
        """Take the connection over from gunicorn, which closes its own handle of it."""
        raw = environ.get("gunicorn.socket")
        plain = isinstance(raw, gevent.socket.socket) and not isinstance(raw, ssl.SSLSocket)
        if raw is None or not plain:
            raise RuntimeError("sockets need gunicorn's gevent worker and a proxy that ends TLS")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BACKLOG_LIMIT)
        self._early = early(environ)
        self._fd = os.dup(raw.fileno())
        self._loop = gevent.get_hub().loop
        self._reader = self._loop.io(self._fd, READABLE)
        self._writer: Any = None
        self._closing = self._gone = False
        self._backlog: deque[bytes] | None = None
        self._waiting = 0
        self._begun = False
        """Whether the first waiting frame has left in part; it must then be finished."""
        self._on_gone: list[Callable[[], None]] = []
        self._lost_at = float("inf")
        self.until = float("inf")
        """When `expired` is called, by time.monotonic()."""
        self.expired: Callable[[], None] = self.close
        self.quiet_at = time.monotonic() + PING_S

    @property
    def closing(self) -> bool:
        """Whether it is being closed or lost; nothing more is delivered."""
        return self._closing

    @property
    def gone(self) -> bool:
        """Whether it is over."""
        return self._gone

    @property
    def waiting(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return self._waiting

    def start(self) -> None:
        """Hear the client from now on."""
        if not self._gone:
            self._reader.start(self._read)
        if self._early:
            self._loop.run_callback(self._read)

    def on_gone(self, do: Callable[[], None]) -> None:
        """Call `do` when it is over; at once if it is."""
        if self._gone:
            do()
        else:
            self._on_gone.append(do)

    @abstractmethod
    def send(self, frame: Frame) -> None:
        """Send a whole frame without waiting. On a closing connection it does nothing.

        What the kernel does not take waits here; a reader too slow for that is closed.
        """

    def end(self, code: int, reason: str = "") -> None:
        """Say why, and close. Frames not begun are dropped: a client resumes by offset."""
        if self._closing:
            return
        self._closing = True
        while self._backlog and len(self._backlog) > self._begun:
            self._waiting -= len(self._backlog.pop())
        self._lost_at = time.monotonic() + GOODBYE_S
        CLOSES.labels(code if code in CLOSE_CODES else "other").inc()
        self._say_goodbye(code, reason)

    def close(self, *_: object) -> None:
        """End without a reason."""
        self.end(CloseCode.NORMAL)

    def tick(self, now: float) -> None:
        """Do what is due; to be called about once a second."""
        if now >= self._lost_at:
            self._cut()
        elif self._closing:
            return
        elif now >= self.until:
            self.expired()
        elif now >= self.quiet_at:
            self.quiet_at = now + PING_S
            self._ask_for_life()

    @abstractmethod
    def _say_goodbye(self, code: int, reason: str) -> None:
        """Send what tells the client that this is the end."""

    @abstractmethod
    def _ask_for_life(self) -> None:
        """Make sure that the client is there."""

    @abstractmethod
    def _take(self, data: bytes) -> None:
        """Take what the client has sent."""

    def _read(self) -> None:
        if self._gone:
            return
        try:
            data, self._early = self._early or os.read(self._fd, PIECE), b""
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        self.quiet_at = time.monotonic() + PING_S
        try:
            self._take(data)
        except Exception:
            log.exception("live.failed")
            self.end(CloseCode.INTERNAL_ERROR)

    def _put(self, data: bytes) -> None:
        """Write without waiting; what is left over waits for the kernel."""
        sent = self._write(data) if self._backlog is None else 0
        if sent < len(data):
            self._keep(data, sent)

    def _keep(self, data: bytes, sent: int) -> None:
        """Let wait what the kernel did not take."""
        if self._gone:
            return
        self._begun = self._begun or sent > 0
        if self._backlog is None:
            self._backlog = deque()
        self._backlog.append(data[sent:])
        self._waiting += len(data) - sent
        if self._writer is None:
            self._writer = self._loop.io(self._fd, WRITABLE)
            self._writer.start(self._write_on)

    def _put_or_end(self, data: bytes) -> None:
        if self._closing:
            return
        sent = 0
        if self._backlog is None:
            # Thousands are sent the same, nearly always in whole: a call more would be felt.
            try:
                sent = os.write(self._fd, data)
            except BlockingIOError:
                pass
            except OSError:
                self._lose()
            if sent == len(data):
                return
        self._keep(data, sent)
        if self._waiting > BACKLOG_LIMIT:
            log.info("live.too_slow", waiting=self._waiting)
            self.end(CloseCode.TOO_SLOW_OR_TOO_MANY, "too_slow")

    def _write(self, data: bytes) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError:
            self._lose()
            return 0

    def _write_on(self) -> None:
        while self._backlog and not self._gone:
            first = self._backlog[0]
            sent = self._write(first)
            self._waiting -= sent
            if sent == len(first):
                self._backlog.popleft()
                self._begun = False
            else:
                if sent:
                    self._backlog[0] = first[sent:]
                    self._begun = True
                return
        if not self._gone:
            self._rest()

    def _rest(self) -> None:
        """Nothing waits any more."""
        self._backlog = None
        if self._writer is not None:
            self._writer.stop()
            self._writer.close()
            self._writer = None

    def _cut(self) -> None:
        """Lose a client that takes nothing; else the kernel would keep what it has for minutes."""
        if not self._gone:
            with socket.socket(fileno=os.dup(self._fd)) as handle:
                handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self._lose()

    def _lose(self) -> None:
        if self._gone:
            return
        self._gone = self._closing = True
        self._rest()
        self._reader.stop()
        self._reader.close()
        os.close(self._fd)
        self._fd = -1
        told, self._on_gone = self._on_gone, []
        for do in told:
            do()


def early(environ: dict[str, Any]) -> bytes:
    """Return what came in one packet with the request, which gunicorn's parser has read already."""
    reader = getattr(environ.get("wsgi.input"), "reader", None)
    unreader = getattr(reader, "unreader", None)
    return b"" if unreader is None else bytes(unreader.take_buffered())
