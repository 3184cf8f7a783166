"""Clients that come in and then never read a byte."""

import itertools
import select
import socket
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

NARROW = 4096
"""Bytes that the kernel takes for each of them."""


class SilentCrowd:
    """They take no news, so all they learn is that they were cut off; then they come again."""

    def __init__(self, port: int, path: str, tokens: Sequence[str]) -> None:
        self.returns = 0
        self._port = port
        self._path = path
        self._tokens = itertools.cycle(tokens)
        self._ended = select.epoll()
        self._open: dict[int, socket.socket] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Hang up."""
        for number in list(self._open):
            self._hang_up(number)
        self._ended.close()

    def come(self) -> None:
        """Let one more come."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW)
        client.connect(("127.0.0.1", self._port))
        client.sendall(self._handshake())
        self._ended.register(client, 0)  # no more than that it has ended
        self._open[client.fileno()] = client

    def come_again(self, most: int) -> None:
        """Let some of those who were cut off come again."""
        for number, _ in self._ended.poll(0, max(1, most)):
            self._hang_up(number)
            self.returns += 1
            self.come()

    def _hang_up(self, number: int) -> None:
        with suppress(OSError), self._open.pop(number) as client:
            self._ended.unregister(client)

    def _handshake(self) -> bytes:
        lines = [
            f"GET {self._path} HTTP/1.1",
            "Host: here",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            f"Authorization: Bearer {next(self._tokens)}",
        ]
        return "\r\n".join([*lines, "", ""]).encode()
