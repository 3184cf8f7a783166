"""The socket on a pair of real TCP connections: whole frames, bounded memory, and an end."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import gevent.socket
import pytest
from werkzeug.exceptions import BadRequest
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import (
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    TextMessage,
)
from wsproto.frame_protocol import FrameProtocol, Opcode

from domain.live.messages import CloseCode
from web.live import socket as live_socket
from web.live.frames import frame
from web.live.socket import BACKLOG_LIMIT, MESSAGE_LIMIT, Closed, Socket

PATIENCE_S = 10

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


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """Let nothing hang."""
    with gevent.Timeout(PATIENCE_S):
        yield


@pytest.fixture
def connected() -> Iterator[tuple[Any, Any]]:
    """Two ends of a TCP connection with a narrow receiver."""
    with gevent.socket.socket() as listener, gevent.socket.socket() as client:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        with server:
            yield server, client


@pytest.fixture
def ends(connected: tuple[Any, Any]) -> tuple[Socket, Peer]:
    """A socket and its peer after the handshake."""
    server, client = connected
    return Socket({**HANDSHAKE, "gunicorn.socket": server}), Peer(client)


def in_background(action: Callable[[], object]) -> "gevent.Greenlet[..., Any]":
    """Run something beside the test."""
    return gevent.spawn(action)


def ends_by_itself(server: Socket) -> None:
    """Read as a handler does, until there is no more."""
    with pytest.raises(Closed):
        server.receive()


def test_compression_is_not_agreed_on(ends: tuple[Socket, Peer]) -> None:
    server, peer = ends
    server.send(frame(b'"hello"'))
    assert peer.next() == TextMessage('"hello"')
    assert b"101 Switching Protocols" in peer.head
    assert b"deflate" not in peer.head


@pytest.mark.parametrize(
    "change",
    [
        {"HTTP_SEC_WEBSOCKET_VERSION": "8"},
        {"HTTP_UPGRADE": "h2c"},
        {"HTTP_CONNECTION": "keep-alive"},
    ],
)
def test_a_wrong_handshake_is_refused_before_anything_is_sent(
    change: dict[str, str], connected: tuple[Any, Any]
) -> None:
    server, client = connected
    with pytest.raises(BadRequest):
        Socket({**HANDSHAKE, **change, "gunicorn.socket": server})
    server.close()
    assert client.recv(100) == b""


def test_another_server_is_refused() -> None:
    with pytest.raises(RuntimeError, match="gevent"):
        Socket(dict(HANDSHAKE))


def test_frames_stay_whole_when_the_reader_is_slow(ends: tuple[Socket, Peer]) -> None:
    server, peer = ends
    texts = [f"{n}:" + "x" * 9000 for n in range(1000)]

    def send_with_the_backlog_half_full() -> None:
        for text in texts:
            while server.waiting > BACKLOG_LIMIT // 2:
                gevent.sleep(0.001)
            server.send(frame(text.encode()))
        server.close()

    def interrupt() -> None:
        for _ in range(50):
            server.send(frame(b"between"))
            gevent.sleep(0)

    in_background(send_with_the_backlog_half_full)
    in_background(interrupt)
    heard = [text for text in peer.messages() if text != "between"]
    assert heard == texts[: len(heard)]
    assert len(heard) > 900


def test_a_reader_that_does_not_read_is_sent_away(ends: tuple[Socket, Peer]) -> None:
    server, peer = ends
    sent = 0
    while not server.closing:
        server.send(frame(b"x" * 10_000))
        sent += 1
        assert server.waiting <= BACKLOG_LIMIT + 10_100
    assert server.waiting < 10_200
    whole = 0
    for event in peer.hear():
        if isinstance(event, CloseConnection):
            assert event.code == CloseCode.TOO_SLOW_OR_TOO_MANY
            break
        assert isinstance(event, TextMessage)
        whole += event.message_finished
    else:
        pytest.fail("no close was sent")
    assert 0 < whole < sent


def test_one_that_never_takes_the_news_is_cut_off(
    ends: tuple[Socket, Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_socket, "GOODBYE_S", 0.05)
    server, _ = ends
    while not server.closing:
        server.send(frame(b"x" * 10_000))
    server.finish()
    with pytest.raises(Closed):
        server.receive()


@pytest.mark.parametrize("parts", [1, 40])
def test_a_message_too_large_ends_the_reader(parts: int, ends: tuple[Socket, Peer]) -> None:
    server, peer = ends
    size = MESSAGE_LIMIT // parts + 10
    reading = in_background(lambda: ends_by_itself(server))
    for part in range(1, parts + 1):
        peer.say(Message("y" * size, message_finished=part == parts))
    close = peer.next()
    assert isinstance(close, CloseConnection)
    assert close.code == CloseCode.TOO_LARGE
    peer.say(close.response())
    reading.get()


def test_a_fragmented_message(ends: tuple[Socket, Peer]) -> None:
    server, peer = ends
    peer.say(Message("one ", message_finished=False))
    peer.say(Ping(b"p"))
    peer.say(Message("two", message_finished=True))
    assert server.receive() == "one two"
    pong = peer.next()
    assert isinstance(pong, Pong)
    assert bytes(pong.payload) == b"p"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x81\x85\x00\x00\x00\x00\xff\xfe\xfd\xfc\xfb", 1007),  # not UTF-8
        (b"\x81\x02hi", 1002),  # without a mask
        (b"\xc1\x80\x00\x00\x00\x00", 1002),  # a reserved bit
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # an unknown opcode
        (b"\x89\xfe\x00\x7e\x00\x00\x00\x00", 1002),  # a ping longer than pings may be
    ],
)
def test_broken_frames(sent: bytes, code: int, ends: tuple[Socket, Peer]) -> None:
    server, peer = ends
    peer.raw.sendall(sent)
    reading = in_background(lambda: ends_by_itself(server))
    close = peer.next()
    assert isinstance(close, CloseConnection)
    assert close.code == code
    reading.get()


def test_bytes_are_no_message(ends: tuple[Socket, Peer]) -> None:
    server, peer = ends
    peer.say(BytesMessage(b"\x00"))
    reading = in_background(lambda: ends_by_itself(server))
    close = peer.next()
    assert isinstance(close, CloseConnection)
    assert close.code == CloseCode.BAD_MESSAGE
    peer.raw.close()
    reading.get()


def test_the_clients_close_is_answered(ends: tuple[Socket, Peer]) -> None:
    server, peer = ends
    peer.say(CloseConnection(1000, "done"))
    with pytest.raises(Closed):
        server.receive()
    assert peer.next() == CloseConnection(1000, "done")
    server.send(frame(b"too late"))
    server.finish()


def test_a_client_that_vanishes(ends: tuple[Socket, Peer]) -> None:
    server, peer = ends
    peer.raw.close()
    with pytest.raises(Closed):
        server.receive()
    server.send(frame(b"to nobody"))
    server.close()


def test_a_silent_client_is_pinged_and_given_up(
    ends: tuple[Socket, Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_socket, "PING_S", 0.05)
    server, peer = ends
    peer.say(Pong())
    reading = in_background(lambda: ends_by_itself(server))
    events = list(peer.hear())
    assert [type(event) for event in events] == [Ping]
    reading.get()


def test_waiting_for_a_message_has_an_end(ends: tuple[Socket, Peer]) -> None:
    server, _ = ends
    with pytest.raises(TimeoutError):
        server.receive(until=0.0)


def test_a_frame_is_what_the_library_makes() -> None:
    decoded = FrameProtocol(client=True, extensions=[])
    decoded.receive_bytes(frame("näme".encode()))
    (only,) = decoded.received_frames()
    assert (only.opcode, only.payload) == (Opcode.TEXT, "näme")
