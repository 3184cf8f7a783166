"""A pair of TCP connections under gevent."""

import socket
from collections.abc import Iterator
from typing import Any

import gevent
import gevent.socket
import pytest

PATIENCE_S = 60


@pytest.fixture
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
