"""Reads of a board over HTTP, each against a constant of as many bytes behind the same middleware.

Read and constant take turns on the same gunicorn worker, and a ratio is that of neighbours, so that
a busy machine weighs on both.
"""

import json
import statistics
import time
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from multiprocessing import get_context
from typing import NamedTuple

import jwt
from sqlalchemy import text

from bench.load import Load, load, request
from bench.stage import Stage
from sandbox.ports import LOOPBACK

CALLERS = 1_000
SECONDS = 1.0


class Read(NamedTuple):
    """One thing that is measured, and its ceiling."""

    name: str
    requests: list[bytes]
    constant: list[bytes]
    goal: float
    meanwhile: Callable[[], AbstractContextManager[None]] = nullcontext


class Measured(NamedTuple):
    """The loads of a read and of its constant, round by round."""

    reads: list[Load]
    constants: list[Load]

    @property
    def ratios(self) -> list[float]:
        """Of each round."""
        return [one.rate / two.rate for one, two in zip(self.reads, self.constants, strict=True)]


def stranger(on: Stage) -> list[str]:
    """Sign in as someone who takes part nowhere."""
    return [token(on, uuid.uuid4())]


def participants(on: Stage) -> list[str]:
    """Sign in as people of the board."""
    with on.engine.connect() as connection:
        found = text("SELECT sub FROM person ORDER BY sub LIMIT :callers")
        return [token(on, sub) for sub in connection.scalars(found, {"callers": CALLERS})]


def token(on: Stage, sub: uuid.UUID) -> str:
    """Sign in as someone."""
    settings = on.settings
    now = int(time.time())
    claims = {
        "iss": f"{settings.supabase_url}/auth/v1",
        "aud": "authenticated",
        "role": "authenticated",
        "sub": str(sub),
        "session_id": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 3600,
    }
    return jwt.encode(claims, settings.supabase_jwt_secret or "", algorithm="HS256")


def read(
    port: int,
    name: str,
    path: str,
    callers: Sequence[str],
    *,
    rows: int,
    goal: float,
    meanwhile: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Read:
    """Return a read after a look at its answer, which must have so many rows."""
    asked = urllib.request.Request(
        f"http://{LOOPBACK}:{port}{path}", headers={"Authorization": f"Bearer {callers[0]}"}
    )
    with urllib.request.urlopen(asked) as answer:  # noqa: S310  our own server
        body: bytes = answer.read()
    page = json.loads(body)
    if len(page["entries"]) != rows or (page["me"] is not None) is (len(callers) == 1):
        raise ValueError(f"not the page that is to be measured: {body[:300]!r}")
    constant = f"/api/v1/bench/constant/{len(body)}"
    return Read(
        name,
        [request(path, one) for one in callers],
        [request(constant, one) for one in callers],
        goal,
        meanwhile,
    )


def measure(port: int, reads: Sequence[Read], rounds: int) -> list[Measured]:
    """Return the loads of each read."""
    found = [Measured([], []) for _ in reads]
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        # One after the other: a read that moves the board would make the next one's callers new.
        for one, measured in zip(reads, found, strict=True):
            for number in range(rounds + 1):
                constant = pool.submit(load, port, one.constant, SECONDS).result()
                with one.meanwhile():
                    answered = pool.submit(load, port, one.requests, SECONDS).result()
                if number > 0:  # the first round makes the callers known
                    measured.constants.append(constant)
                    measured.reads.append(answered)
    return found


def report(reads: Sequence[Read], found: Sequence[Measured]) -> None:
    """Print the table: medians, and the range of the ratios."""
    for one, measured in zip(reads, found, strict=True):
        rate = statistics.median(answered.rate for answered in measured.reads)
        ceiling = statistics.median(answered.rate for answered in measured.constants)
        busy = max(answered.busy for answered in measured.reads + measured.constants)
        print(
            f"{one.name:34} {rate:7.0f}/s  constant {ceiling:7.0f}/s  {span(measured.ratios)}"
            f" (to reach: {one.goal:.2f}; generator at most {busy:.0%} of a core)"
        )


def span(ratios: Sequence[float]) -> str:
    """Return the median and the range."""
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})"
