"""What simple-websocket's server does wrong under gevent, and this one does not.

Each test fails on the plain library, which a strict xfail holds fast: when the library is mended,
it is told here. That errors are written into the stream is shown in
`tests/integration/live/test_failures.py`, with flask-sock and gunicorn.
"""

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any, Protocol

import gevent
import gevent.event
import pytest
import simple_websocket  # type: ignore[import-untyped]  # ships no types
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import Message, TextMessage

from domain.live.messages import CloseCode
from tests.unit.live.peer import HANDSHAKE, Peer
from web.live.connection import BACKLOG_LIMIT
from web.live.frames import Frame
from web.live.socket import MESSAGE_LIMIT, Socket

pytestmark = pytest.mark.usefixtures("patience")

ENVIRON = {
    **{name: value for name, value in HANDSHAKE.items() if "EXTENSIONS" not in name},
    "HTTP_HOST": "here",
}
EACH = 20
"""Messages of a writer."""


class Served(Protocol):
    """A server's end, as its users see it."""

    def send(self, text: str) -> None:
        """Send a message, once there is room for it."""

    def end(self) -> None:
        """Close it."""


class Ours:
    """This program's."""

    def __init__(self, raw: Any) -> None:
        self._socket = Socket({**ENVIRON, "gunicorn.socket": raw})
        raw.close()
        self._socket.start()

    def send(self, text: str) -> None:
        self._wait(BACKLOG_LIMIT // 2)
        self._socket.send(Frame(text.encode()))

    def end(self) -> None:
        self._wait(0)
        self._socket.end(CloseCode.NORMAL)

    def _wait(self, most: int) -> None:
        while self._socket.waiting > most:
            gevent.sleep(0.001)


class Plain:
    """The library's, as gunicorn's gevent worker runs it."""

    def __init__(self, raw: Any) -> None:
        self._server = simple_websocket.Server(
            {**ENVIRON, "gunicorn.socket": raw},
            thread_class=lambda target: gevent.Greenlet(target),
            event_class=gevent.event.Event,
        )

    def send(self, text: str) -> None:
        self._server.send(text)

    def end(self) -> None:
        self._server.close()
        self._server.sock.shutdown(socket.SHUT_WR)


class SendsAll:
    """A TCP connection whose `send` sends all, so that a partial one is not to blame."""

    def __init__(self, raw: Any) -> None:
        self.send = raw.sendall
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


class Mended(Plain):
    """The library's, with the first of its faults repaired."""

    def __init__(self, raw: Any) -> None:
        super().__init__(SendsAll(raw))


Serve = Callable[[Any], Served]


def fails(serve: Serve) -> Any:
    """Return the case of a server that must fail."""
    return pytest.param(serve, marks=pytest.mark.xfail(raises=AssertionError, strict=True))


@pytest.mark.parametrize("serve", [fails(Plain), Ours])
def test_a_large_message_arrives_whole(serve: Serve, connected: tuple[Any, Any]) -> None:
    raw, client = connected
    served, peer, text = serve(raw), Peer(client), "x" * 20_000_000

    def speak() -> None:
        served.send(text)
        served.end()

    gevent.spawn(speak)
    size = 0
    for event in peer.hear():
        if not isinstance(event, TextMessage):
            break
        size += len(event.data)
    assert size == len(text)


@pytest.mark.parametrize("serve", [fails(Mended), Ours])
def test_messages_of_two_writers_stay_apart(serve: Serve, connected: tuple[Any, Any]) -> None:
    """gevent ends the library's second writer with an error; without gevent they interleave."""
    raw, client = connected
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BACKLOG_LIMIT)
    served, texts = serve(raw), ("a" * 30_000, "b" * 30_000)

    def write(text: str) -> None:
        for _ in range(EACH):
            served.send(text)

    def end(writers: list[Any]) -> None:
        gevent.joinall(writers)
        served.end()

    gevent.spawn(end, [gevent.spawn(write, text) for text in texts])
    assert Counter(Peer(client).messages()) == dict.fromkeys(texts, EACH)


class Handover(threading.Event):
    """Gives the turn to whoever waits as soon as it is set, as a scheduler may."""

    def __init__(self) -> None:
        super().__init__()
        self.done = threading.Event()
        self._waits: SimpleQueue[None] = SimpleQueue()

    def wait(self, timeout: float | None = None) -> bool:
        self._waits.put(None)
        return super().wait(timeout)

    def set(self) -> None:
        self._waits.get(timeout=60)  # the reader has come to wait
        super().set()
        while self._waits.empty() and not self.done.is_set():
            self.done.wait(0.001)


@pytest.fixture
def oversize() -> Iterator[Any]:
    """A connection whose client says too much."""
    server, client = socket.socketpair()
    with server, client:
        said = Connection(ConnectionType.CLIENT).send(Message("y" * (MESSAGE_LIMIT + 10)))
        client.sendall(said)
        yield server


def test_the_librarys_reader_waits_for_ever_after_a_message_too_large(oversize: Any) -> None:
    """It wakes the reader before it says that the connection is over.

    `test_a_message_too_large_ends_the_reader` shows that nobody waits here.
    """
    server = simple_websocket.Server(
        {**ENVIRON, "gunicorn.socket": oversize},
        max_message_size=MESSAGE_LIMIT,
        event_class=Handover,
    )

    def read() -> None:
        with pytest.raises(simple_websocket.ConnectionClosed):
            server.receive()
        server.event.done.set()

    reader = threading.Thread(target=read)
    reader.start()
    server.thread.join(60)
    assert not server.connected
    assert not server.event.is_set()
    assert reader.is_alive(), "nobody is left who could wake it"
    threading.Event.set(server.event)
    reader.join(60)
    assert not reader.is_alive()
