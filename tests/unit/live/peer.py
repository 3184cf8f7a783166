"""The client's end of a WebSocket, on wsproto."""

from collections.abc import Iterator
from typing import Any

from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import CloseConnection, Event, TextMessage

HANDSHAKE = {
    "HTTP_CONNECTION": "Upgrade",
    "HTTP_UPGRADE": "websocket",
    "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
    "HTTP_SEC_WEBSOCKET_EXTENSIONS": "permessage-deflate",
}


class Peer:
    """The client's end."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.protocol = Connection(ConnectionType.CLIENT)
        self.head = b""

    def say(self, event: Event) -> None:
        """Send an event."""
        self.raw.sendall(self.protocol.send(event))

    def hear(self) -> Iterator[Event]:
        """Yield what comes, until the end."""
        while data := self.raw.recv(65536):
            if b"\r\n\r\n" not in self.head:
                self.head += data
                data = self.head.partition(b"\r\n\r\n")[2]
            self.protocol.receive_data(data)
            yield from self.protocol.events()

    def next(self) -> Event:
        """Return what comes next."""
        return next(self.hear())

    def messages(self) -> Iterator[str]:
        """Yield whole texts until the close."""
        parts = []
        for event in self.hear():
            if isinstance(event, CloseConnection):
                return
            assert isinstance(event, TextMessage)
            parts.append(event.data)
            if event.message_finished:
                yield "".join(parts)
                parts = []
