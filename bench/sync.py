"""People synced per second, from the row to the score, against fetching alone.

    python -m bench.sync [--people 16384] [--rounds 3] [--small]

The ceiling is a loop in as many processes as the worker has, with the same client, parser and
number of calls under way, that writes nothing. Both talk to the same vendor on the same machine.
With one process the database has the other core of a machine of two; with two it has none.
There are so many people that how a worker begins, which the loop need not, takes a fiftieth.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import aiohttp
import psutil
from sqlalchemy import text

from bench.stage import ROOT, Stage, populate, stage, worker
from domain import clock
from domain.fitness.google_scopes import ACTIVITY_SCOPE, LOCATION_SCOPE
from domain.fitness.providers.base import Account
from domain.fitness.providers.google_fit import GoogleFit
from domain.fitness.windows import Window, ceil_quarter
from models.slots import Metric
from tasks.claiming import BATCH, PULL_BATCH
from tasks.pull import CONCURRENCY
from worker.app import make_app, settle_heap

PROCESSES = 2
"""Of the worker, as the Procfile has it."""
METRICS = (Metric.STEPS, Metric.DISTANCE)
NO_LIMIT = dict.fromkeys(
    ("GOOGLE_FIT_CALLS_PER_MINUTE", "GOOGLE_FIT_CALLS_PER_MINUTE_PER_PERSON"), "1000000000"
)


@contextmanager
def vendor() -> Iterator[tuple[str, int]]:
    """Run the vendor; give its address and process id."""
    child = subprocess.Popen(
        [sys.executable, "-m", "bench.vendor"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        yield f"http://127.0.0.1:{int(child.stdout.readline())}", child.pid
    finally:
        child.kill()
        child.wait()


def bare(url: str, people: range, window: Window, started: Any) -> None:
    """Fetch and parse for some people, in batches as the worker does; write nothing."""
    # As the worker does; without it the bare loop would be the slower one.
    settle_heap()
    started.wait()
    scopes = frozenset({ACTIVITY_SCOPE, LOCATION_SCOPE})

    async def batch(ids: range) -> None:
        turns = asyncio.Semaphore(CONCURRENCY)

        async def one(person: int) -> None:
            async with turns:
                account = Account(f"access-{person}", scopes, (), clock.now())
                await client.pull(account, window)

        connector = aiohttp.TCPConnector(limit=CONCURRENCY)
        async with aiohttp.ClientSession(connector=connector) as http:
            client = GoogleFit(http, url)
            await asyncio.gather(*map(one, ids))

    for first in range(people.start, people.stop, BATCH):
        asyncio.run(batch(range(first, min(first + BATCH, people.stop))))


def ceiling(url: str, people: int, window: Window, processes: int) -> float:
    """Return people per second of the bare loop."""
    context = multiprocessing.get_context("spawn")
    started = context.Barrier(processes + 1)
    share = people // processes
    children = [
        context.Process(target=bare, args=(url, range(n * share, (n + 1) * share), window, started))
        for n in range(processes)
    ]
    for child in children:
        child.start()
    started.wait()
    begun = time.perf_counter()
    for child in children:
        child.join()
        assert child.exitcode == 0
    return share * processes / (time.perf_counter() - begun)


def podium(on: Stage, window: Window) -> float:
    """Queue a pull of the window for everyone; return people per second until all are written."""
    with on.engine.begin() as connection:
        connection.execute(text("DELETE FROM sync_request"))
        count = connection.execute(
            text(
                "INSERT INTO sync_request (id, connection_id, person_id, reason, status,"
                " requested_at, due_at, window_from, window_to)"
                " SELECT gen_random_uuid(), id, person_id, 'owed', 'queued', :now, :now,"
                " :start, :end FROM fitness_connection"
            ),
            {"now": clock.now(), "start": window.start, "end": window.end},
        ).rowcount
    on.settle()
    app = make_app(on.settings)
    begun = time.perf_counter()
    app.resources.doorbell.ring(PULL_BATCH)
    # By the small indexes, or looking would take from the time that is measured.
    under_way = text(
        "SELECT EXISTS (SELECT FROM sync_request WHERE status = 'queued')"
        " OR EXISTS (SELECT FROM sync_request WHERE status = 'running')"
    )
    with on.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while connection.scalar(under_way):
            if time.perf_counter() - begun > 600:
                raise TimeoutError("the worker did not finish")
            time.sleep(0.02)
        took = time.perf_counter() - begun
        failed = connection.scalar(
            text("SELECT count(*) FROM sync_request WHERE status <> 'succeeded'")
        )
    assert failed == 0
    return count / took


def messages(on: Stage) -> int:
    """Return how many Celery messages were ever sent: each is one LPUSH."""
    stats = cast("dict[str, dict[str, int]]", on.redis.info("commandstats"))
    return stats.get("cmdstat_lpush", {}).get("calls", 0)


def peak_memory(parent: subprocess.Popen[bytes]) -> float:
    """Return the highest resident memory, in MB, that any of the worker's processes has had."""
    tree = [psutil.Process(parent.pid), *psutil.Process(parent.pid).children(recursive=True)]
    peaks = []
    for one in tree:
        lines = Path(f"/proc/{one.pid}/status").read_text(encoding="ascii").splitlines()
        peaks += [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    return max(peaks) / 1024


def cpu_seconds(vendor_pid: int) -> float:
    """Return the processor time of everything below this process but the vendor."""
    total = 0.0
    for child in psutil.Process().children(recursive=True):
        if child.pid != vendor_pid:
            total += sum(child.cpu_times()[:4])
    return total


def window_of(hours: int) -> Window:
    """Return the window of the last hours."""
    end: datetime = ceil_quarter(clock.now())
    return Window(end - timedelta(hours=hours), end)


def compare(on: Stage, url: str, people: int, rounds: int, processes: int) -> None:
    """Print (a) to (d): the ceiling, the first sync, the same again with nothing changed."""
    window = window_of(48)
    rates: dict[str, list[float]] = {"a": [], "b": [], "c": []}
    for _ in range(rounds):
        on.clear()
        populate(on, people, METRICS)
        with worker(on, ["sync"], processes), worker(on, ["boards"], 1):
            wait_for_workers(on)
            rates["b"].append(podium(on, window))
            rates["c"].append(podium(on, window))
        rates["a"].append(ceiling(url, people, window, processes))
    a, b, c = (statistics.median(rates[name]) for name in "abc")
    spread = {name: f"{min(values):.0f}–{max(values):.0f}" for name, values in rates.items()}
    print(f"\n{people} people, 48 hours, five metrics; {processes} processes pull")
    print(f"medians of {rounds} rounds (range)")
    print(f"(a) fetch and parse only    {a:8.0f} people/s  ({spread['a']})")
    print(f"(b) Podium, first sync      {b:8.0f} people/s  ({spread['b']})")
    print(f"(c) Podium, nothing changed {c:8.0f} people/s  ({spread['c']})")
    print(f"(d) b/a {b / a:.2f} (to reach: 0.50)   c/a {c / a:.2f} (to reach: 0.65)")


def growth(on: Stage, sizes: tuple[int, ...], vendor_pid: int) -> None:
    """Print (e) to (g): messages, memory and cost per person as the number of people grows."""
    window = window_of(4)
    print("\n4-hour windows")
    costs = []
    for people in sizes:
        on.clear()
        populate(on, people, METRICS)
        with worker(on, ["sync"], PROCESSES) as pulling, worker(on, ["boards"], 1):
            wait_for_workers(on)
            podium(on, window_of(1))  # warm: processes forked, plans cached, rows there
            sent, spent = messages(on), cpu_seconds(vendor_pid)
            rate = podium(on, window)
            sent, spent = messages(on) - sent, cpu_seconds(vendor_pid) - spent
            memory = peak_memory(pulling)
        costs.append(1000 * spent / people)
        print(
            f"{people:7} people: {rate:6.0f}/s, {1000 / rate:5.2f} ms elapsed and"
            f" {costs[-1]:5.2f} ms of processor a person,"
            f" {sent * 1000 / people:5.1f} messages per 1,000, peak {memory:.0f} MB"
        )
    print("(e) messages of the largest run (to reach: at most 20 per 1,000)")
    print("(f) peak of the largest of the pulling worker's processes (to reach: no growth)")
    print(
        f"(g) dearest/cheapest {max(costs) / min(costs):.2f} of processor (to reach: within 1.2);"
    )
    print("    elapsed counts the 150 ms in which a batch waits for company as well")


def wait_for_workers(on: Stage) -> None:
    """Wait until both workers answer."""
    app = make_app(on.settings)
    deadline = time.monotonic() + 30
    while len(app.control.ping(timeout=0.5) or ()) < 2:
        if time.monotonic() > deadline:
            raise TimeoutError("the workers did not start")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=16384)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="a tenth of the people for (g)")
    options = parser.parse_args()
    sizes = (100, 500, 2000) if options.small else (1000, 5000, 20000)
    with vendor() as (url, vendor_pid), stage(GOOGLE_FIT_URL=url, **NO_LIMIT) as on:
        for processes in (1, PROCESSES):
            compare(on, url, options.people, options.rounds, processes)
        growth(on, sizes, vendor_pid)


if __name__ == "__main__":
    main()
