"""Records taken in per second, from the HTTP request to committed scores, against bare COPY.

    python -m bench.ingest [--uploads 150] [--rounds 5]

An upload is 500 minutes of one person's steps, who is in a competition. The ceiling is a COPY of
500 rows with a commit each, by as many connections as there are phones, into the same indexed table
on the same server; COPY and the web processes may both use every core. Rounds of both alternate;
then every upload is sent once more.
"""

import argparse
import http.client
import json
import os
import secrets
import statistics
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from sqlalchemy import text

from bench.load import wait_until_it_listens
from bench.reads import token
from bench.stage import Stage, populate, process, stage
from domain import clock
from models.slots import Metric
from sandbox.ports import LOOPBACK, free_port

RECORDS = 500
PHONES = (1, 4)
ORIGIN = "com.example.health"
SOURCE = f"health_connect/{ORIGIN}/watch/Google/Pixel Watch"
PATH = "/api/v1/fitness/records"
TAKEN, KNOWN = b'"status":"inserted"', b'"status":"unchanged"'
COPY = (
    "COPY record (person_id, provider, id, deleted, metric, source, start_at, end_at, value,"
    " utc_offset_s, recording_method, version, last_modified, ingested_at) FROM STDIN"
)


@dataclass(frozen=True)
class Walker:
    """Someone who uploads, and someone for whom bare rows are copied."""

    bearer: str
    bare_id: int


@dataclass
class Round:
    """Seconds and bytes of write-ahead log of one round."""

    bare: float
    first: float
    again: float
    first_bytes: int
    again_bytes: int


def minutes(begin: datetime) -> list[tuple[datetime, datetime, int]]:
    """Return start, end and steps of each record."""
    minute = timedelta(minutes=1)
    return [(begin + n * minute, begin + (n + 1) * minute, 60 + n % 60) for n in range(RECORDS)]


def body(begin: datetime) -> bytes:
    """Return an upload as an app sends it."""
    records = [
        {
            "id": str(uuid.uuid4()),
            "metric": "steps",
            "start": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            "utc_offset_s": 3600,
            "value": steps,
            "origin": ORIGIN,
            "device": {"type": "watch", "manufacturer": "Google", "model": "Pixel Watch"},
            "recording_method": "automatic",
            "last_modified": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            "version": 0,
        }
        for start, end, steps in minutes(begin)
    ]
    return json.dumps({"provider": "health_connect", "records": records}).encode()


def rows(person_id: int, begin: datetime) -> str:
    """Return the same as lines of COPY."""
    return "".join(
        f"{person_id}\thealth_connect\t{uuid.uuid4()}\tf\tsteps\t{SOURCE}\t{start}\t{end}"
        f"\t{steps * 1000}\t3600\tautomatic\t0\t{end}\t{end}\n"
        for start, end, steps in minutes(begin)
    )


def side_by_side(lanes: int, job: Callable[[int], None]) -> float:
    """Run a job in as many threads; return the seconds until all are done."""
    with ThreadPoolExecutor(lanes) as pool:
        begun = time.perf_counter()
        for done in [pool.submit(job, lane) for lane in range(lanes)]:
            done.result()
        return time.perf_counter() - begun


def copy_bare(on: Stage, lanes: int, walkers: Sequence[Walker], begin: datetime) -> float:
    """Return the seconds that bare COPY takes."""
    blocks = [rows(walker.bare_id, begin) for walker in walkers]
    url = on.settings.database_url.replace("+psycopg", "")
    connections = [psycopg.connect(url, autocommit=True) for _ in range(lanes)]

    def job(lane: int) -> None:
        for block in blocks[lane::lanes]:
            with connections[lane].cursor().copy(COPY) as copy:
                copy.write(block)

    taken = side_by_side(lanes, job)
    for connection in connections:
        connection.close()
    return taken


def send(port: int, lanes: int, walkers: Sequence[Walker], bodies: Sequence[bytes]) -> float:
    """Return the seconds until all uploads are answered."""

    def job(lane: int) -> None:
        phone = http.client.HTTPConnection(LOOPBACK, port)
        for walker, sent in list(zip(walkers, bodies, strict=True))[lane::lanes]:
            headers = {"Authorization": f"Bearer {walker.bearer}"}
            phone.request("POST", PATH, sent, {**headers, "Content-Type": "application/json"})
            answer = phone.getresponse()
            results = answer.read()
            # Counted, not parsed: the phones take turns on the same cores.
            if answer.status != 202 or results.count(TAKEN) + results.count(KNOWN) != RECORDS:
                raise ValueError(f"not taken in: {results!r}")
        phone.close()

    return side_by_side(lanes, job)


def written(on: Stage) -> int:
    """Return how many bytes of write-ahead log there have been."""
    with on.engine.connect() as connection:
        found = connection.scalar(text("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
    return int(found or 0)


def measure(on: Stage, port: int, lanes: int, walkers: Sequence[Walker], n: int) -> Round:
    """Do one round, on minutes of its own."""
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    begin = midnight - timedelta(days=5) + n * timedelta(minutes=RECORDS)
    bodies = [body(begin) for _ in walkers]
    on.settle()
    bare = copy_bare(on, lanes, walkers, begin)
    on.settle()
    wal = [written(on)]
    first = send(port, lanes, walkers, bodies)
    wal.append(written(on))
    on.settle()
    wal.append(written(on))
    again = send(port, lanes, walkers, bodies)
    wal.append(written(on))
    return Round(bare, first, again, wal[1] - wal[0], wal[3] - wal[2])


def fill(on: Stage, uploads: int) -> list[Walker]:
    """Make the people, and the source of the bare rows."""
    populate(on, 2 * uploads, [Metric.STEPS])
    with on.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO source (person_id, key, provider, kind, first_seen_at)"
                " SELECT id, :key, 'health_connect', 'watch', :now FROM person"
            ),
            {"key": SOURCE, "now": clock.now()},
        )
        people = connection.execute(text("SELECT id, sub FROM person ORDER BY id")).all()
    return [
        Walker(token(on, sender.sub), bare.id)
        for sender, bare in zip(people[::2], people[1::2], strict=True)
    ]


def check(on: Stage, uploads: int, rounds: int) -> None:
    """Fail unless every step that was sent is in the scores."""
    steps = uploads * rounds * sum(steps for _, _, steps in minutes(clock.now()))
    with on.engine.connect() as connection:
        scored = connection.scalar(text("SELECT sum(computed) FROM participant"))
    if scored != steps:
        raise ValueError(f"{scored} steps are scored, {steps} were sent")


def report(lanes: int, uploads: int, measured: Sequence[Round]) -> None:
    """Print a table. Ratios are taken within a round, so that a busy machine weighs on both."""
    records = uploads * RECORDS
    print(f"{lanes} at a time; medians of {len(measured)} rounds of {uploads} uploads (range)")
    for name, seconds in (
        ("bare COPY", [one.bare for one in measured]),
        ("upload", [one.first for one in measured]),
        ("the same again", [one.again for one in measured]),
    ):
        rates = [records / one for one in seconds]
        print(
            f"  {name:15} {statistics.median(rates):8.0f} records/s"
            f"  ({min(rates):.0f}..{max(rates):.0f})"
        )
    ratios = [one.bare / one.first for one in measured]
    print(
        f"  ratio {statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f},"
        " to reach: 0.30)"
    )
    first = statistics.median(one.first_bytes for one in measured) / records
    again = ", ".join(str(one.again_bytes) for one in measured)
    print(f"  write-ahead log: {first:.0f} bytes a record; the same again, in all: {again}")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--uploads", type=int, default=150, help="in a round, each by someone else")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    port = free_port()
    variables = {
        "PORT": str(port),
        "SUPABASE_JWT_SECRET": secrets.token_hex(32),
        "WEB_CONCURRENCY": str(os.cpu_count()),
    }
    with stage(**variables) as on:
        walkers = fill(on, asked.uploads)
        with process(on, "gunicorn", "-c", "gunicorn.conf.py", "web:create_app()"):
            wait_until_it_listens(port)
            done = 0
            for lanes in PHONES:
                # The first round makes the callers known, and fills caches.
                rounds = range(done, done + asked.rounds + 1)
                measured = [measure(on, port, lanes, walkers, n) for n in rounds]
                done = rounds.stop
                check(on, asked.uploads, done)
                report(lanes, asked.uploads, measured[1:])


if __name__ == "__main__":
    main()
