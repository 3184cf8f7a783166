"""The socket on a pair of real TCP connections: whole frames, bounded memory, and an end."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import gevent.socket
import pytest
from gunicorn.http.body import (  # type: ignore[import-untyped]  # ships no types
    Body,
    LengthReader,
)
from gunicorn.http.unreader import (  # type: ignore[import-untyped]  # ships no types
    SocketUnreader,
)
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest
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
from tests.unit.live.peer import HANDSHAKE, Peer
from web.live.connection import BACKLOG_LIMIT, GOODBYE_S, PING_S
from web.live.frames import Frame
from web.live.socket import MESSAGE_LIMIT, MOST_PIECES, Socket

pytestmark = pytest.mark.usefixtures("patience")


class Served(Socket):
    """A socket that notes what its client said."""

    def __init__(self, environ: dict[str, Any]) -> None:
        super().__init__(environ)
        self.said: list[str] = []
        self.heard = self.said.append

    def wait(self, holds: Callable[[], bool]) -> None:
        """Let the event loop work until something holds."""
        while not holds():
            gevent.sleep(0.001)


@pytest.fixture
def ends(connected: tuple[Any, Any]) -> Iterator[tuple[Served, Peer]]:
    """A socket and its peer after the handshake; gunicorn's handle is closed, as it does itself."""
    server, client = connected
    served = Served({**HANDSHAKE, "gunicorn.socket": server})
    server.close()
    served.start()
    yield served, Peer(client)
    served.end(CloseCode.NORMAL)
    served.tick(float("inf"))
    assert served.gone


def in_background(action: Callable[[], object]) -> "gevent.Greenlet[..., Any]":
    """Run something beside the test."""
    return gevent.spawn(action)


def test_compression_is_not_agreed_on(ends: tuple[Served, Peer]) -> None:
    server, peer = ends
    server.send(Frame(b'"hello"'))
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


def test_frames_stay_whole_when_the_reader_is_slow(ends: tuple[Served, Peer]) -> None:
    server, peer = ends
    texts = [f"{n}:" + "x" * 9000 for n in range(1000)]

    def send_with_the_backlog_half_full() -> None:
        for text in texts:
            while server.waiting > BACKLOG_LIMIT // 2:
                gevent.sleep(0.001)
            server.send(Frame(text.encode()))
        server.end(1000)

    def interrupt() -> None:
        for _ in range(50):
            server.send(Frame(b"between"))
            gevent.sleep(0)

    in_background(send_with_the_backlog_half_full)
    in_background(interrupt)
    heard = [text for text in peer.messages() if text != "between"]
    assert heard == texts[: len(heard)]
    assert len(heard) > 900


def test_a_reader_that_does_not_read_is_sent_away(ends: tuple[Served, Peer]) -> None:
    server, peer = ends
    sent = 0
    while not server.closing:
        server.send(Frame(b"x" * 10_000))
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


def test_one_that_never_takes_the_news_is_cut_off(ends: tuple[Served, Peer]) -> None:
    server, peer = ends
    while not server.closing:
        server.send(Frame(b"x" * 10_000))
    now = time.monotonic()
    server.tick(now + GOODBYE_S / 2)
    assert not server.gone
    server.tick(now + 2 * GOODBYE_S)
    with pytest.raises(ConnectionResetError):  # the kernel keeps nothing for it
        list(peer.hear())
    assert server.gone


@pytest.mark.parametrize("parts", [1, 40])
def test_a_message_too_large_ends_the_reader(parts: int, ends: tuple[Served, Peer]) -> None:
    server, peer = ends
    size = MESSAGE_LIMIT // parts + 10
    for part in range(1, parts + 1):
        peer.say(Message("y" * size, message_finished=part == parts))
    close = peer.next()
    assert isinstance(close, CloseConnection)
    assert close.code == CloseCode.TOO_LARGE
    peer.say(close.response())
    server.wait(lambda: server.gone)
    assert server.said == []


def test_a_fragmented_message(ends: tuple[Served, Peer]) -> None:
    server, peer = ends
    peer.say(Message("one ", message_finished=False))
    peer.say(Ping(b"p"))
    peer.say(Message("two", message_finished=True))
    pong = peer.next()
    server.wait(lambda: server.said == ["one two"])
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
def test_broken_frames(sent: bytes, code: int, ends: tuple[Served, Peer]) -> None:
    server, peer = ends
    peer.raw.sendall(sent)
    close = peer.next()
    assert isinstance(close, CloseConnection)
    assert close.code == code
    server.wait(lambda: server.gone)


def test_bytes_are_no_message(ends: tuple[Served, Peer]) -> None:
    server, peer = ends
    peer.say(BytesMessage(b"\x00"))
    close = peer.next()
    assert isinstance(close, CloseConnection)
    assert close.code == CloseCode.BAD_MESSAGE
    peer.raw.close()
    server.wait(lambda: server.gone)


def test_the_clients_close_is_answered(ends: tuple[Served, Peer]) -> None:
    server, peer = ends
    peer.say(CloseConnection(1000, "done"))
    assert peer.next() == CloseConnection(1000, "done")
    server.wait(lambda: server.gone)
    server.send(Frame(b"too late"))


def test_a_client_that_vanishes(ends: tuple[Served, Peer]) -> None:
    server, peer = ends
    peer.raw.close()
    server.wait(lambda: server.gone)
    server.send(Frame(b"to nobody"))
    server.end(1000)


def test_a_silent_client_is_pinged_and_given_up(ends: tuple[Served, Peer]) -> None:
    server, peer = ends
    now = time.monotonic()
    server.tick(now)
    server.tick(now + 1.5 * PING_S)
    assert peer.next() == Ping(b"")
    peer.say(Pong())
    quiet_at = server.quiet_at
    server.wait(lambda: server.quiet_at != quiet_at)
    for later in (1.5, 3):
        assert not server.gone
        server.tick(server.quiet_at + later * PING_S)
    assert peer.next() == Ping(b"")
    assert server.gone
    with pytest.raises(ConnectionResetError):
        peer.next()


def test_what_comes_with_the_handshake_is_heard(connected: tuple[Any, Any]) -> None:
    server, client = connected
    peer = Peer(client)
    unreader = SocketUnreader(server)
    unreader.unread(peer.protocol.send(Message("early")))
    body = Body(LengthReader(unreader, 0))
    served = Served({**HANDSHAKE, "gunicorn.socket": server, "wsgi.input": body})
    served.start()
    peer.say(Message("late"))
    served.wait(lambda: served.said == ["early", "late"])
    client.close()
    served.wait(lambda: served.gone)


@pytest.mark.parametrize(
    "event", [Message("", message_finished=False), Ping(b""), Pong(b""), Message("x")]
)
def test_a_flood_of_small_frames(event: Event, ends: tuple[Served, Peer]) -> None:
    server, peer = ends
    for _ in range(MOST_PIECES + 1):
        peer.say(event)
    close = next(one for one in peer.hear() if isinstance(one, CloseConnection))
    assert close.code == CloseCode.TOO_SLOW_OR_TOO_MANY
    assert len(server.said) <= MOST_PIECES


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=20))
@example([b"\x81\x80", b"\x00\x00\x00\x00"])
@example([b"\x01\xfe\xff\xff" + b"\x00" * 4, b"a" * 66_000])
@example([b"\x81\xff" + (2**62).to_bytes(8) + b"\x00" * 4, b"a" * 66_000])
@example([b"\x88\x82\x00\x00\x00\x00\x00\x00"])
def test_any_bytes_are_answered_or_end_it(pieces: list[bytes]) -> None:
    """Whatever a client sends, nothing is raised into the event loop and memory is bounded."""
    ours, theirs = gevent.socket.socketpair()
    served = Served({**HANDSHAKE, "gunicorn.socket": ours})
    ours.close()
    with theirs:
        for piece in pieces:
            if not served.gone:
                served._take(piece)
            assert served._size <= MESSAGE_LIMIT + 70_000
            assert served.waiting <= BACKLOG_LIMIT
    served.end(CloseCode.NORMAL)
    served.tick(float("inf"))
    assert served.gone


def test_a_frame_is_what_the_library_makes() -> None:
    decoded = FrameProtocol(client=True, extensions=[])
    decoded.receive_bytes(Frame("näme".encode()).frame)
    (only,) = decoded.received_frames()
    assert (only.opcode, only.payload) == (Opcode.TEXT, "näme")
