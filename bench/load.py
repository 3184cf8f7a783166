"""A load generator: keep-alive connections that always have one request under way."""

import re
import selectors
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import cycle
from typing import NamedTuple

from sandbox.ports import LOOPBACK

CONNECTIONS = 16
READY_SECONDS = 30.0
LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n", re.IGNORECASE)


class Load(NamedTuple):
    """What was answered."""

    answers: int
    seconds: float
    busy: float
    """Share of a core that the generator itself used; near 1 it would be the bottleneck."""

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds


class Unexpected(Exception):
    """An answer that was not 200."""


def request(path: str, bearer: str) -> bytes:
    """Return the bytes of a GET."""
    lines = (f"GET {path} HTTP/1.1", "Host: bench", f"Authorization: Bearer {bearer}", "", "")
    return "\r\n".join(lines).encode()


def wait_until_it_listens(port: int) -> None:
    """Raise TimeoutError if nothing does."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection((LOOPBACK, port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the web process does not listen")


def load(port: int, requests: Sequence[bytes], seconds: float) -> Load:
    """Send the requests in turn over all connections for some seconds."""
    turn = cycle(requests)
    with selectors.DefaultSelector() as selector, ExitStack() as stack:
        for _ in range(CONNECTIONS):
            connection = stack.enter_context(socket.create_connection((LOOPBACK, port), 5))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, bytearray())
            connection.sendall(next(turn))
        begun, cpu = time.perf_counter(), time.process_time()
        answers = 0
        while (elapsed := time.perf_counter() - begun) < seconds:
            for key, _ in selector.select(1):
                answered = _receive(key)
                if answered:
                    answers += 1
                    key.fileobj.sendall(next(turn))  # type: ignore[union-attr]  # a socket
        return Load(answers, elapsed, (time.process_time() - cpu) / elapsed)


def _receive(key: selectors.SelectorKey) -> bool:
    """Read what is there; say whether it completes an answer."""
    received: bytearray = key.data
    received += key.fileobj.recv(1 << 18)  # type: ignore[union-attr]  # a socket
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return False
    if not received.startswith(b"HTTP/1.1 200"):
        raise Unexpected(bytes(received[:500]))
    length = LENGTH.search(received, 0, end + 2)
    if length is None or len(received) < end + 4 + int(length[1]):
        return False
    received.clear()
    return True
