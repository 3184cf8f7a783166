"""What the hub is compared with: a bare loop, flask-sock as it comes, and Flask-SocketIO.

Each sends one text to all its sockets again and again, from when there are as many as wanted.
"""

import os
import socket
import sys
from collections.abc import Callable
from typing import Any

import gevent
from flask import Flask
from gevent.event import Event
from gevent.server import StreamServer

SOCKETS = int(os.environ["BENCH_SOCKETS"])
TEXT = os.environ["BENCH_TEXT"]
BACKLOG_LIMIT = 64 * 1024
ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


class Full:
    """The clients, and a loop that starts when all have come."""

    def __init__(self, send_to_all: Callable[[list[Any]], None]) -> None:
        self._clients: list[Any] = []
        self._complete = Event()
        self._send_to_all = send_to_all
        gevent.spawn(self._run)

    def add(self, client: object) -> None:
        """Count one in."""
        self._clients.append(client)
        if len(self._clients) == SOCKETS:
            self._complete.set()

    def _run(self) -> None:
        self._complete.wait()
        gevent.sleep(1)  # the last client is still to be answered
        while True:
            self._send_to_all(self._clients)
            gevent.sleep(0)


def bare(port: int) -> None:
    """Serve the ceiling: nothing but `send` of ready bytes."""
    text = TEXT.encode()
    frame = b"\x81\x7e" + len(text).to_bytes(2) + text

    def send_to_all(clients: list[Any]) -> None:
        for client in clients:
            sent = client.send(frame)
            if sent < len(frame):
                client.sendall(frame[sent:])

    full = Full(send_to_all)

    def let_in(client: Any, _address: object) -> None:
        if not client.recv(4096):
            return  # it only looked whether we listen
        # As the hub has them; with Nagle's algorithm and buffers of megabytes frames would come in
        # bulk, and late.
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BACKLOG_LIMIT)
        client.sendall(ACCEPTED)
        full.add(client)
        Event().wait()  # the server closes a socket whose handler returns

    StreamServer(("127.0.0.1", port), let_in, backlog=4096).serve_forever()


def flask_sock_app() -> Flask:
    """Serve by flask-sock and simple-websocket, as their documents show it."""
    from flask_sock import Sock

    app = Flask("bench")

    def send_to_all(clients: list[Any]) -> None:
        for client in clients:
            client.send(TEXT)

    full = Full(send_to_all)

    def watch(client: Any) -> None:
        full.add(client)
        client.receive()

    Sock(app).route("/")(watch)
    return app


def socketio_app() -> Flask:
    """Serve by Flask-SocketIO on gevent."""
    from flask_socketio import SocketIO

    app = Flask("bench")
    rooms = SocketIO(app, async_mode="gevent", cors_allowed_origins="*")
    full = Full(lambda _: rooms.emit("update", TEXT))
    rooms.on_event("connect", lambda _auth=None: full.add(None))
    return app


if __name__ == "__main__":
    bare(int(sys.argv[1]))
