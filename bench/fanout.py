"""Whole deliveries per second: of the hub, and of what it is compared with."""

import statistics
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import NamedTuple

from bench.company import move
from bench.load import wait_until_it_listens
from bench.stage import Stage, process
from bench.watchers import Answer, Watchers, handshake

WINDOWS, WINDOW_SECONDS = 5, 2.0
WARM_SECONDS = 1.0
MOVES_PER_SECOND = 120
"""More than the hub could send frames of, so it always finds that the board has moved."""
UPDATE = b'{"type":"update"'
SOCKETIO = "/socket.io/?EIO=4&transport=websocket"
# Without a file of settings it would take ours.
GUNICORN = (
    *("gunicorn", "-c", "/dev/null", "--no-control-socket", "--log-level", "warning"),
    *("-k", "gevent", "--worker-connections", "10000"),
)


class Rates(NamedTuple):
    """Whole deliveries per second, window by window, and how busy the clients were at most."""

    rates: list[float]
    busy: float
    message: bytes
    """The last that came."""

    @property
    def rate(self) -> float:
        """The median."""
        return statistics.median(self.rates)


class _Tap:
    """Counts the messages that begin in one way, and keeps the last."""

    def __init__(self, beginning: bytes) -> None:
        self._beginning = beginning
        self.count = 0
        self.last = b""

    def hear(self, message: bytes, _at: float) -> None:
        """Take one."""
        if message.startswith(self._beginning):
            self.count += 1
            self.last = message


def of_hub(on: Stage, board: uuid.UUID, moved: Sequence[str], watchers: Watchers) -> Rates:
    """Count the updates of a board that moves faster than they are sent."""
    seconds = WARM_SECONDS + WINDOWS * WINDOW_SECONDS + 3
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        moving = pool.submit(move, dict(on.environment), board, moved, MOVES_PER_SECOND, seconds)
        watchers.pump(2.0)  # until the process has started
        rates = _count(watchers, UPDATE)
        while not moving.done():
            watchers.pump(0.2)
        moving.result()
    return rates


def of_bare_loop(on: Stage, port: int, sockets: int, message: bytes) -> Rates:
    """Count what a loop around `send` delivers."""
    served = _with(on, sockets, message)
    with process(served, "bench.plain", str(port)):
        return _of_crowd(port, [handshake("/")] * sockets, 0, message)


def of_flask_sock(on: Stage, port: int, sockets: int, message: bytes) -> Rates:
    """Count what flask-sock delivers."""
    with process(
        _with(on, sockets, message),
        *GUNICORN,
        "-b",
        f"127.0.0.1:{port}",
        "bench.plain:flask_sock_app()",
    ):
        return _of_crowd(port, [handshake("/")] * sockets, 0, message)


def of_socketio(on: Stage, port: int, sockets: int, message: bytes) -> Rates:
    """Count what Flask-SocketIO delivers."""
    with process(
        _with(on, sockets, message),
        *GUNICORN,
        "-b",
        f"127.0.0.1:{port}",
        "bench.plain:socketio_app()",
    ):
        return _of_crowd(port, [handshake(SOCKETIO)] * sockets, 2, b'42["update",', _speak_socketio)


def _speak_socketio(message: bytes) -> bytes | None:
    """Join the default room, and answer pings."""
    if message.startswith(b"0{"):
        return b"40"
    return b"3" if message == b"2" else None


def _with(on: Stage, sockets: int, message: bytes) -> Stage:
    text = {"BENCH_SOCKETS": str(sockets), "BENCH_TEXT": message.decode()}
    return replace(on, environment={**on.environment, **text})


def _of_crowd(
    port: int,
    handshakes: Sequence[bytes],
    greetings: int,
    beginning: bytes,
    answer: Answer | None = None,
) -> Rates:
    wait_until_it_listens(port)
    watchers = Watchers(port, answer)
    watchers.come(handshakes, greetings)
    watchers.pump(2.0)
    rates = _count(watchers, beginning)
    watchers.go(0)
    return rates


def _count(watchers: Watchers, beginning: bytes) -> Rates:
    tap = _Tap(beginning)
    watchers.pump(WARM_SECONDS)
    rates, busy = [], []
    for _ in range(WINDOWS):
        before, begun = tap.count, time.monotonic()
        watchers.pump(WINDOW_SECONDS, tap.hear)
        rates.append((tap.count - before) / (time.monotonic() - begun))
        busy.append(watchers.busy)
    return Rates(rates, max(busy), tap.last)
