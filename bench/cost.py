"""What metrics and logs cost: `python -m bench.cost`.

The page of a board and the syncs of people, each with everything that is counted and logged by
default, and with nothing of it. Both sites run side by side and take turns, as workers do; who
goes first changes from round to round, so that what comes and goes weighs on both.
Beside each rate stands what one costs in processor time, which a busy machine changes less.
"""

import secrets
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from multiprocessing import get_context
from typing import NamedTuple, TypeVar

import psutil

from bench.crowd import fill
from bench.load import load, request, wait_until_it_listens
from bench.reads import SECONDS, participants, span
from bench.stage import Stage, populate, process, stage
from bench.sync import METRICS, NO_LIMIT, podium, vendor, wait_for_workers, window_of
from sandbox.ports import free_port

BOARD_PEOPLE = 10_000
PAGES = 30
"""Rounds of each."""
SYNC_PEOPLE = 2048
SYNCS = 4
GOAL = 0.9
WATCHED = {"LOG_LEVEL": "INFO", "LOG_FORMAT": "json"}
UNWATCHED = {"LOG_LEVEL": "ERROR"}
SITES = {"web:create_app()": WATCHED, "bench.unwatched:site()": UNWATCHED}
WORKERS = {"worker.app": WATCHED, "bench.unwatched:worker": UNWATCHED}

T = TypeVar("T")


class Measured(NamedTuple):
    """One turn."""

    rate: float
    """Answers, or people, a second."""
    cost_ms: float
    """Processor time of the serving processes for one of them."""


Rounds = tuple[list[Measured], list[Measured]]
"""With everything, and with nothing."""


def told(on: Stage, more: dict[str, str]) -> Stage:
    """Return the stage with other variables."""
    return replace(on, environment={**on.environment, **more})


def spent(parents: Sequence[subprocess.Popen[bytes]]) -> float:
    """Return the seconds of processor that processes and those below them have taken."""
    family = [psutil.Process(one.pid) for one in parents]
    family += [child for one in tuple(family) for child in one.children(recursive=True)]
    return sum(sum(one.cpu_times()[:2]) for one in family)


def in_turn(both: Sequence[T], number: int) -> Sequence[T]:
    """Return who goes first and who second in a round."""
    return both if number % 2 else both[::-1]


def pages(on: Stage) -> Rounds:
    """Measure the page of a board."""
    board = fill(on, BOARD_PEOPLE)
    asked = [request(f"/api/v1/leaderboard/{board}", one) for one in participants(on)]
    rounds: Rounds = ([], [])
    with ExitStack() as stack:
        sites = []
        for site, more in SITES.items():
            port, words = free_port(), ("gunicorn", "-c", "gunicorn.conf.py", site)
            running = process(told(on, {**more, "PORT": str(port)}), *words)
            sites.append((port, stack.enter_context(running)))
            wait_until_it_listens(port)
        pool = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn")))
        turns = list(zip(sites, rounds, strict=True))
        for number in range(PAGES + 1):
            for (port, site_process), kept in in_turn(turns, number):
                before = spent([site_process])
                loaded = pool.submit(load, port, asked, SECONDS).result()
                cost = spent([site_process]) - before
                if number > 0:  # the first round makes the callers known
                    kept.append(Measured(loaded.rate, 1000 * cost / loaded.answers))
    return rounds


@contextmanager
def workers(on: Stage, app: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run both workers of an application."""
    with ExitStack() as stack:
        running = []
        for queue, concurrency in (("sync", 2), ("boards", 1)):
            words = f"celery --quiet -A {app} worker -n {queue}@bench -Q {queue} -E --loglevel INFO"
            more = (f"--concurrency={concurrency}", "--without-gossip", "--without-mingle")
            running.append(stack.enter_context(process(on, *words.split(), *more)))
        wait_for_workers(on)
        yield running


def syncs(on: Stage) -> Rounds:
    """Measure pulls of two days."""
    rounds: Rounds = ([], [])
    turns = list(zip(WORKERS.items(), rounds, strict=True))
    for number in range(SYNCS):
        for (app, more), kept in in_turn(turns, number):
            on.clear()
            populate(on, SYNC_PEOPLE, METRICS)
            with workers(told(on, more), app) as running:
                podium(on, window_of(1))  # processes forked, plans cached
                before = spent(running)
                rate = podium(on, window_of(48))
                kept.append(Measured(rate, 1000 * (spent(running) - before) / SYNC_PEOPLE))
    return rounds


def report(name: str, rounds: Rounds) -> None:
    """Print medians, and the ratios of neighbours with their range."""
    watched, bare = rounds
    pairs = list(zip(watched, bare, strict=True))
    for what, unit, ratios in (
        ("rate", "/s", [one.rate / two.rate for one, two in pairs]),
        ("cost_ms", " ms", [two.cost_ms / one.cost_ms for one, two in pairs]),
    ):
        both = (statistics.median(getattr(one, what) for one in kept) for kept in rounds)
        with_all, without = (f"{value:.4g}{unit}" for value in both)
        print(f"{name:16} {with_all:>9}, without {without:>9}: {span(ratios)} (to reach: {GOAL})")


def main() -> None:
    """Run it."""
    secret = secrets.token_hex(32)
    settings = {"SUPABASE_JWT_SECRET": secret, **NO_LIMIT}
    with vendor() as (url, _), stage(GOOGLE_FIT_URL=url, **settings) as on:
        print(f"medians of {PAGES} rounds of {SECONDS:g} s, and of {SYNCS} of {SYNC_PEOPLE} people")
        report("page of a board", pages(on))
        report("people synced", syncs(on))


if __name__ == "__main__":
    main()
