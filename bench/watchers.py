"""Many WebSocket clients in one process: they connect, count whole frames and answer pings."""

import select
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sandbox.ports import LOOPBACK

TEXT, CLOSE, PING = 1, 8, 9
PONG = b"\x8a\x80\0\0\0\0"
AT_ONCE = 64
"""Handshakes under way."""
ARRIVAL_SECONDS = 120.0

Hear = Callable[[bytes, float], None]
"""Takes a whole message and when it was there, by time.monotonic()."""
Answer = Callable[[bytes], bytes | None]
"""Says what a client replies to a message, if anything."""


def handshake(path: str, bearer: str = "") -> bytes:
    """Return the bytes that ask for a socket."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: bench",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *([f"Authorization: Bearer {bearer}"] if bearer else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def masked(text: bytes) -> bytes:
    """Return a client's frame of a short text, with a mask that changes nothing."""
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text


@dataclass(eq=False, slots=True)
class _Client:
    connection: socket.socket
    rest: bytes = b""
    shaken: bool = False
    messages: int = 0


class Gone(Exception):
    """The server has closed a socket, or refused it."""


def _ignore(_message: bytes, _at: float) -> None:
    """Nobody listens."""


class Watchers:
    """All clients, and what they have read."""

    def __init__(self, port: int, answer: Answer | None = None) -> None:
        """Begin with none."""
        self._port = port
        self._answer = answer
        self._poll = select.epoll()
        self._clients: dict[int, _Client] = {}
        self.received = 0
        """Bytes, without those of TCP."""
        self.busy = 0.0
        """Share of a core that the last `pump` took; near 1 it was the bottleneck."""

    def __len__(self) -> int:
        """Count them."""
        return len(self._clients)

    def come(self, handshakes: Sequence[bytes], messages: int = 1, hear: Hear = _ignore) -> None:
        """Connect; return when each has read so many messages."""
        waiting, arriving = deque(handshakes), set[int]()
        deadline = time.monotonic() + ARRIVAL_SECONDS
        while waiting or arriving:
            while waiting and len(arriving) < AT_ONCE:
                arriving.add(self._connect(waiting.popleft()))
            self.pump(0.005, hear)
            arriving = {
                one
                for one in arriving
                if not self._clients[one].shaken or self._clients[one].messages < messages
            }
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(waiting) + len(arriving)} were not let in")

    def go(self, left: int) -> None:
        """Hang up until only so many are left."""
        while len(self._clients) > left:
            _, client = self._clients.popitem()
            self._poll.unregister(client.connection)
            client.connection.close()

    def pump(self, seconds: float, hear: Hear = _ignore) -> None:
        """Read for some seconds. Raises Gone."""
        begun, cpu = time.monotonic(), time.process_time()
        while (left := begun + seconds - time.monotonic()) > 0:
            for number, _ in self._poll.poll(left):
                self._read(self._clients[number], hear)
        self.busy = (time.process_time() - cpu) / (time.monotonic() - begun)

    def _connect(self, request: bytes) -> int:
        connection = socket.create_connection((LOOPBACK, self._port), 30)
        connection.sendall(request)
        connection.setblocking(False)
        self._poll.register(connection, select.EPOLLIN)
        self._clients[connection.fileno()] = _Client(connection)
        return connection.fileno()

    def _read(self, client: _Client, hear: Hear) -> None:
        data = client.connection.recv(1 << 18)
        if not data:
            raise Gone("closed")
        self.received += len(data)
        if client.rest:
            data = client.rest + data
        if not client.shaken:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                client.rest = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                raise Gone(head)
            client.shaken = True
        client.rest = data[self._take_frames(client, data, hear) :]

    def _take_frames(self, client: _Client, data: bytes, hear: Hear) -> int:
        """Take all whole frames; return where they end."""
        at, end, now = 0, len(data), time.monotonic()
        while end - at >= 2:
            size, begins = data[at + 1], at + 2
            if size == 126:
                size, begins = data[at + 2] << 8 | data[at + 3] if end - at > 3 else end, at + 4
            elif size == 127:
                size, begins = int.from_bytes(data[at + 2 : at + 10]), at + 10
            if begins + size > end:
                break
            opcode, at, payload = data[at] & 15, begins + size, data[begins : begins + size]
            if opcode == TEXT:
                client.messages += 1
                hear(payload, now)
            if opcode != TEXT or self._answer is not None:
                self._reply(client, opcode, payload)
        return at

    def _reply(self, client: _Client, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            client.connection.sendall(PONG)
        elif opcode == CLOSE:
            raise Gone(payload)
        elif self._answer is not None and (reply := self._answer(payload)) is not None:
            client.connection.sendall(masked(reply))
