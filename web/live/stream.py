"""Server-Sent Events: the same messages for clients that cannot have a WebSocket.

HTML Living Standard, 9.2. Browsers reconnect by themselves and say in `Last-Event-ID` what they
have.
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Response, request

from web.live.connection import Connection
from web.live.frames import Frame

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

EVENTS = "text/event-stream"
RETRY_MS = 2000
HEARTBEAT = b":\n\n"


class Stream(Connection):
    """One event stream. Its client says nothing; the answer ends with the connection."""

    __slots__ = ()

    def __init__(self, environ: dict[str, Any], head: bytes) -> None:
        super().__init__(environ)
        self._put(head)

    def send(self, frame: Frame) -> None:
        """Send an event without waiting."""
        self._put_or_end(frame.event)

    def _say_goodbye(self, *_: object) -> None:
        """Say nothing: whoever may not come back learns why when they try."""
        if not self._backlog:
            self._lose()

    def _rest(self) -> None:
        super()._rest()
        if self._closing:
            self._lose()

    def _ask_for_life(self) -> None:
        self._put_or_end(HEARTBEAT)

    def _take(self, data: bytes) -> None:
        """Ignore it: a stream is one answer, and nothing can be asked after it."""


class StreamAnswer(Response):
    """An answer that never ends here: once its head is sent, `begin` has the connection."""

    def __init__(self, begin: Callable[[Stream], None]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Connection": "close"}
        super().__init__(b"", HTTPStatus.OK, headers=headers, content_type=EVENTS)
        self._begin = begin

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Take the connection over from gunicorn, as flask-sock does; a HEAD is answered."""
        if request.method == "HEAD":
            return super().__call__(environ, start_response)
        headers = [
            f"{name}: {value}\r\n"
            for name, value in self.get_wsgi_headers(environ)
            if name != "Content-Length"
        ]
        head = f"HTTP/1.1 200 OK\r\n{''.join(headers)}\r\nretry: {RETRY_MS}\n\n"
        self._begin(Stream(environ, head.encode("latin-1")))
        raise StopIteration
