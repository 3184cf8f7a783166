"""Whole deliveries per second: of the hub, and of what it is compared with."""

import statistics
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from typing import NamedTuple

import psutil

from bench.company import move
from bench.load import wait_until_it_listens
from bench.stage import Stage, process
from bench.watchers import Answer, Watchers, handshake
from sandbox.ports import free_port

WINDOWS, WINDOW_SECONDS = 16, 0.6
"""Short ones: who has stood still for two seconds gives up on Redis."""
WARM_SECONDS = 0.3
REST_SECONDS = 0.2
"""Until what was sent is read."""
START_SECONDS = 3.0
"""What a process takes to start."""
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


class Pair(NamedTuple):
    """What two did on one machine, in turns."""

    hub: Rates
    bare: Rates

    @property
    def ratio(self) -> float:
        """The median of what each window of the hub is to the loop's beside it."""
        both = zip(self.hub.rates, self.bare.rates, strict=True)
        return statistics.median(hub / bare for hub, bare in both)


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


def of_hub_and_bare_loop(
    on: Stage, board: uuid.UUID, moved: Sequence[str], watchers: Watchers, hub: psutil.Process
) -> Pair:
    """Count the updates of a board that moves faster than they are sent, and those of a loop.

    They take turns, window by window, while the other stands still: so a machine that is slower
    for a while is slower for both.
    """
    port = free_port()
    served = _with(on, len(watchers), _example(on, board, moved, watchers))
    with process(served, "bench.plain", str(port)) as started:
        wait_until_it_listens(port)
        others, bare = Watchers(port), psutil.Process(started.pid)
        others.come([handshake("/")] * len(watchers), 0)
        others.pump(2.0)  # until it sends
        turns = _Turns([(hub, watchers), (bare, others)])
        with _moving(on, board, moved, turns.seconds, watchers):
            hub_rates, bare_rates = turns.take()
        others.go(0)
    return Pair(hub_rates, bare_rates)


class _Turns:
    """Servers that each may only serve in their own windows."""

    def __init__(self, servers: Sequence[tuple[psutil.Process, Watchers]]) -> None:
        self._servers = servers
        self.seconds = WINDOWS * len(servers) * (WARM_SECONDS + WINDOW_SECONDS + REST_SECONDS)

    def take(self) -> list[Rates]:
        """Let each serve in turn; they all go on afterwards."""
        found: list[list[Window]] = [[] for _ in self._servers]
        for served, watchers in self._servers:
            _rest(served, watchers)
        try:
            for _ in range(WINDOWS):
                for (served, watchers), windows in zip(self._servers, found, strict=True):
                    served.resume()
                    windows.append(_window(watchers, UPDATE))
                    _rest(served, watchers)
        finally:
            for served, _ in self._servers:
                served.resume()
        return [_rates_of(windows) for windows in found]


def _rest(served: psutil.Process, watchers: Watchers) -> None:
    """Let one stand still, and read what it has sent."""
    served.suspend()
    watchers.pump(REST_SECONDS)


@contextmanager
def _moving(
    on: Stage, board: uuid.UUID, moved: Sequence[str], seconds: float, watchers: Watchers
) -> Iterator[None]:
    """Move the board so long, from another process."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        work = (dict(on.environment), board, moved, MOVES_PER_SECOND, seconds + START_SECONDS)
        moving = pool.submit(move, *work)
        watchers.pump(START_SECONDS)  # until the process has started
        yield
        while not moving.done():
            watchers.pump(0.2)
        moving.result()


def _example(on: Stage, board: uuid.UUID, moved: Sequence[str], watchers: Watchers) -> bytes:
    """Return an update of such a board."""
    tap = _Tap(UPDATE)
    with _moving(on, board, moved, 0.0, watchers):
        watchers.pump(1.0, tap.hear)
    return tap.last


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
    return _rates_of([_window(watchers, beginning) for _ in range(WINDOWS)])


class Window(NamedTuple):
    """What was counted in a while."""

    rate: float
    busy: float
    last: bytes


def _window(watchers: Watchers, beginning: bytes) -> Window:
    tap = _Tap(beginning)
    watchers.pump(WARM_SECONDS)
    begun = time.monotonic()
    watchers.pump(WINDOW_SECONDS, tap.hear)
    return Window(tap.count / (time.monotonic() - begun), watchers.busy, tap.last)


def _rates_of(windows: Sequence[Window]) -> Rates:
    return Rates([one.rate for one in windows], max(one.busy for one in windows), windows[-1].last)
