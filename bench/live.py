"""Boards for thousands of watchers: `python -m bench.live`.

One run: (a) the ceiling, a bare gevent loop of `send` of the same frame to as many sockets; (b) the
hub without a pause between its frames, from the flush of a board to whole frames at all watchers,
in turns with the loop; (c) flask-sock and Flask-SocketIO as they come; (d) memory and CPU of
connections where nothing happens; (e) from the commit of a sync to the frames; (f) bytes against
the whole top each time; (g) a page of the board on the same process meanwhile. The clients share
the machine with it all.
"""

import random
import resource
import secrets
from collections.abc import Sequence
from typing import NamedTuple

import psutil
from sqlalchemy import text

from bench import fanout
from bench.crowd import fill
from bench.fanout import Pair, Rates
from bench.latency import SECONDS, SYNCS_PER_SECOND, VISITS_PER_SECOND, Followed, follow
from bench.load import wait_until_it_listens
from bench.reads import token
from bench.stage import Stage, process, stage, worker
from bench.watchers import Watchers, handshake
from domain.leaderboards.board import TOP
from domain.leaderboards.store import BoardStore
from sandbox.ports import free_port

MANY, MORE = 2_000, 8_000
IDLE_SECONDS = 30.0
WARM = 200
"""Connections after which the process has what it needs once."""
MOVED = 12
"""People in a frame: as many as 50 syncs per second leave in 250 ms."""
SITE = ("gunicorn", "-c", "gunicorn.conf.py")


class Idle(NamedTuple):
    """What a connection costs while nothing happens."""

    kilobytes: float
    core: float
    """Share of a core that all of them take."""


class House:
    """The board, its people, and their ways in."""

    def __init__(self, on: Stage, port: int) -> None:
        self.on = on
        self.port = port
        self.board = fill(on, MORE)
        with on.engine.connect() as connection:
            subs = list(connection.scalars(text("SELECT sub FROM person ORDER BY random()")))
        self.bearers = [token(on, sub) for sub in subs]
        page = BoardStore(on.redis).read_page(self.board, 0, TOP)
        if page is None:
            raise RuntimeError("no board")
        self.top = [row.user_id for row in page[0].rows]
        self.people = [str(sub) for sub in subs]

    def handshakes(self, first: int, end: int) -> list[bytes]:
        """Return what some of the people say to come in."""
        path = f"/ws/leaderboard/{self.board}"
        return [handshake(path, bearer) for bearer in self.bearers[first:end]]


def web_process(master: psutil.Process) -> psutil.Process:
    """Return the process that serves, which gunicorn's master has started."""
    (found,) = master.children()
    return found


def measure_following(house: House) -> Followed:
    """Measure (e), (f) and (g) on the program as it is."""
    with (
        worker(house.on, ["boards"], 1),
        process(house.on, *SITE, "web:create_app()"),
    ):
        wait_until_it_listens(house.port)
        watchers = Watchers(house.port)
        snapshots: list[int] = []
        watchers.come(house.handshakes(0, MANY), 1, lambda one, _: snapshots.append(len(one)))
        # Half of the syncs show in the top 100; of the others some overtake one another.
        people = house.top + random.sample(house.people, len(house.top))
        found = follow(
            house.on,
            house.port,
            house.board,
            people,
            house.bearers[:MANY],
            watchers,
            max(snapshots),
        )
        watchers.go(0)
    return found


def measure_hub(house: House) -> tuple[Idle, Pair, Pair]:
    """Measure (d), and (a) and (b) with MORE and then with MANY sockets."""
    with process(house.on, *SITE, "bench.hurried:app()") as started:
        wait_until_it_listens(house.port)
        watchers = Watchers(house.port)
        watchers.come(house.handshakes(0, WARM))
        served = web_process(psutil.Process(started.pid))
        before = served.memory_info().rss
        watchers.come(house.handshakes(WARM, MORE))
        watchers.pump(5.0)
        grown = served.memory_info().rss - before
        cpu = sum(served.cpu_times()[:2])
        watchers.pump(IDLE_SECONDS)
        core = (sum(served.cpu_times()[:2]) - cpu) / IDLE_SECONDS
        idle = Idle(grown / 1024 / (MORE - WARM), core)
        moved = house.top[:MOVED]
        more = fanout.of_hub_and_bare_loop(house.on, house.board, moved, watchers, served)
        watchers.go(MANY)
        watchers.pump(2.0)
        many = fanout.of_hub_and_bare_loop(house.on, house.board, moved, watchers, served)
        watchers.go(0)
    return idle, more, many


def report_rates(name: str, found: Rates, share: float | None = None, goal: str = "") -> None:
    """Print a line."""
    low, high = min(found.rates), max(found.rates)
    ratio = "" if share is None else f"  {share:.2f} of the ceiling{goal}"
    print(
        f"{name:44} {found.rate:9,.0f}/s ({low:,.0f}..{high:,.0f}){ratio}"
        f"; clients took {found.busy:.0%} of a core"
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that so large a share does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def report_following(found: Followed) -> None:
    """Print (e), (f) and (g)."""
    p50, p99 = (1000 * percentile(found.delays, share) for share in (0.5, 0.99))
    print(
        f"(e) commit to frame, {SYNCS_PER_SECOND} syncs/s, {MANY:,} watchers:"
        f" p50 {p50:.0f} ms, p99 {p99:.0f} ms (to keep: 1,000); {found.syncs:,} syncs,"
        f" {len(found.delays):,} arrivals in {SECONDS:g} s; clients took {found.busy:.0%} of a core"
    )
    print(
        f"(f) per watcher and minute {found.per_minute / 1024:,.0f} KiB, whole tops"
        f" {found.whole_per_minute / 1024:,.0f} KiB:"
        f" {found.per_minute / found.whole_per_minute:.3f} (to keep: 0.15)"
    )
    page50, page99 = (1000 * percentile(found.pages, share) for share in (0.5, 0.99))
    print(
        f"(g) page of the board meanwhile, {VISITS_PER_SECOND}/s:"
        f" p50 {page50:.1f} ms, p99 {page99:.1f} ms"
    )


def main() -> None:
    """Run it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    port = free_port()
    room = str(2 * MORE)
    with stage(
        PORT=str(port),
        SUPABASE_JWT_SECRET=secrets.token_hex(32),
        LIVE_CONNECTIONS=room,
        LIVE_CONNECTIONS_PER_ADDRESS=room,
    ) as on:
        house = House(on, port)
        followed = measure_following(house)
        idle, more, many = measure_hub(house)
        message, ceiling = many.hub.message, many.bare.rate
        sock = fanout.of_flask_sock(on, port, MANY, message)
        socketio = fanout.of_socketio(on, port, MANY, message)
    print(f"a board of {MORE:,}; frames of {len(message):,} bytes; medians (range)")
    for sockets, pair in ((MANY, many), (MORE, more)):
        report_rates(f"(a) bare loop, {sockets:,} sockets", pair.bare)
        report_rates(f"(b) hub, {sockets:,} sockets", pair.hub, pair.ratio, " (to reach: 0.80)")
    report_rates(f"(c) flask-sock, {MANY:,} sockets", sock, sock.rate / ceiling)
    report_rates(f"(c) Flask-SocketIO, {MANY:,} sockets", socketio, socketio.rate / ceiling)
    print(
        f"(d) idle: {idle.kilobytes:.1f} KiB per connection (to keep: 45),"
        f" {MORE:,} take {idle.core:.1%} of a core (to keep: 5%)"
    )
    report_following(followed)


if __name__ == "__main__":
    main()
