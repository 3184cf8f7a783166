"""The page of 100 out of 100,000 against a view that answers a constant: `python -m bench.board`.

Both are served by the same gunicorn worker behind the same middleware and authentication; rounds
of all kinds alternate. The constant has as many bytes as the page. With `me`, 1,000 people of the
board ask in turn: once while the board stands still, so that a caller's own row may be remembered,
and once while it moves four times a second, so that it has to be looked up again.
"""

import json
import secrets
import statistics
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from itertools import count
from multiprocessing import get_context
from typing import NamedTuple

import jwt
from sqlalchemy import insert, text

from bench.load import Load, load, request, wait_until_it_listens
from bench.stage import Stage, process, stage
from domain import clock
from domain.ids import new_id
from domain.leaderboards import rebuild as rebuilds
from domain.leaderboards.flush import flush_board
from domain.leaderboards.marks import mark_dirty
from domain.leaderboards.store import BoardStore
from models import Board, Competition
from models.competition import CompetitionStatus, Scoring, Sources, Visibility
from models.slots import Metric
from sandbox.ports import LOOPBACK, free_port
from worker.unit import unit_of_work

PEOPLE = 100_000
CALLERS = 1_000
ROUNDS = 15
SECONDS = 1.0
MOVE_SECONDS = 0.25

_PEOPLE = text("""
    INSERT INTO person (sub, user_id, display_name, timezone, created_at)
    SELECT id, id, 'Person ' || n, 'UTC', :now
    FROM (SELECT n, gen_random_uuid() AS id FROM generate_series(1, :people) AS n) AS made
""")
_JOIN = text("""
    INSERT INTO participant (competition_id, person_id, user_id, joined_at, computed)
    SELECT :id, person.id, person.user_id, :now, floor(random() * 200000) FROM person
""")


class Kind(NamedTuple):
    """One thing that is measured."""

    name: str
    requests: list[bytes]
    meanwhile: Callable[[], AbstractContextManager[None]] = nullcontext


def fill(on: Stage) -> uuid.UUID:
    """Make a competition and its board."""
    now = clock.now()
    start = now.replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    competition_id = new_id()
    with on.engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(_PEOPLE, {"people": PEOPLE, "now": now})
        connection.execute(
            insert(Competition).values(
                id=competition_id,
                organiser_id=1,
                name="Bench",
                metric=Metric.STEPS,
                scoring=Scoring.TOTAL,
                sources=Sources.MEASURED,
                starts_at=start,
                ends_at=start + timedelta(days=10),
                timezone="UTC",
                grace_hours=24,
                review_hours=0,
                late_join=True,
                visibility=Visibility.PUBLIC,
                status=CompetitionStatus.ACTIVE,
                participant_count=PEOPLE,
                created_at=now,
            )
        )
        connection.execute(insert(Board).values(competition_id=competition_id, epoch="bench"))
        connection.execute(_JOIN, {"id": competition_id, "now": now})
    on.settle()
    rebuild(on, competition_id)
    return competition_id


def rebuild(on: Stage, competition_id: uuid.UUID) -> None:
    """Build the board as the worker does."""
    store = BoardStore(on.redis)
    with unit_of_work(on.engine) as unit:
        work = rebuilds.begin(unit.session, store, competition_id, clock.now())
    if work is None:
        raise RuntimeError("the board is there already")
    while True:
        with unit_of_work(on.engine) as unit:
            people = rebuilds.read_page(unit.session, work, clock.now())
        if not people:
            break
        rebuilds.copy_page(store, work, people)
    with unit_of_work(on.engine) as unit:
        rebuilds.finish(unit.session, store, work)


@contextmanager
def moving(on: Stage, competition_id: uuid.UUID) -> Iterator[None]:
    """Move the board during the block."""
    store, stop = BoardStore(on.redis), threading.Event()

    def move() -> None:
        for person_id in count(1):
            if stop.wait(MOVE_SECONDS):
                return
            with unit_of_work(on.engine) as unit:
                mark_dirty(unit.session, [(competition_id, person_id)])
            with unit_of_work(on.engine) as unit:
                flush_board(unit.session, store, competition_id, clock.now())

    mover = threading.Thread(target=move)
    mover.start()
    try:
        yield
    finally:
        stop.set()
        mover.join()


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


def page_size(port: int, path: str, bearer: str, *, takes_part: bool) -> int:
    """Return the bytes of a page after a look at it."""
    asked = urllib.request.Request(
        f"http://{LOOPBACK}:{port}{path}", headers={"Authorization": f"Bearer {bearer}"}
    )
    with urllib.request.urlopen(asked) as answer:  # noqa: S310  our own server
        body: bytes = answer.read()
    page = json.loads(body)
    if (len(page["entries"]), page["total"], page["me"] is not None) != (100, PEOPLE, takes_part):
        raise ValueError(f"not the page that is to be measured: {body[:300]!r}")
    return len(body)


def kinds_of(on: Stage, port: int, competition_id: uuid.UUID) -> list[Kind]:
    """Return what is measured, in the order of a round."""
    stranger = token(on, uuid.uuid4())
    with on.engine.connect() as connection:
        subs = connection.scalars(
            text("SELECT sub FROM person ORDER BY sub LIMIT :callers"), {"callers": CALLERS}
        ).all()
    callers = [token(on, sub) for sub in subs]
    board = f"/api/v1/leaderboard/{competition_id}"
    alone = page_size(port, board, stranger, takes_part=False)
    with_me = page_size(port, board, callers[0], takes_part=True)
    constant = "/api/v1/bench/constant"
    return [
        Kind("constant, one caller", [request(f"{constant}/{alone}", stranger)]),
        Kind("page without me", [request(board, stranger)]),
        Kind("constant, 1,000 callers", [request(f"{constant}/{with_me}", one) for one in callers]),
        Kind("page with me, board still", [request(board, one) for one in callers]),
        Kind(
            "page with me, board moving",
            [request(board, one) for one in callers],
            lambda: moving(on, competition_id),
        ),
    ]


def measure(port: int, kinds: list[Kind]) -> list[list[Load]]:
    """Return the loads of each kind."""
    found: list[list[Load]] = [[] for _ in kinds]
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        for number in range(ROUNDS + 1):
            for kind, loads in zip(kinds, found, strict=True):
                with kind.meanwhile():
                    one = pool.submit(load, port, kind.requests, SECONDS).result()
                if number > 0:  # the first round makes the callers known
                    loads.append(one)
    return found


def report(kinds: list[Kind], found: list[list[Load]]) -> None:
    """Print the table. Ratios are taken within a round, so that a busy machine weighs on both."""
    print(f"page of 100 out of {PEOPLE:,}; medians of {ROUNDS} rounds of {SECONDS:g} s (range)")
    rates = [[one.rate for one in loads] for loads in found]
    for kind, loads, measured in zip(kinds, found, rates, strict=True):
        busy = max(one.busy for one in loads)
        print(
            f"{kind.name:27} {statistics.median(measured):7.0f} requests/s"
            f"  ({min(measured):.0f}..{max(measured):.0f}), generator at most {busy:.0%} of a core"
        )
    alone, without_me, many, still, moved = rates
    print(f"without me                {ratio(without_me, alone)} (to reach: 0.80)")
    print(f"with me, board still      {ratio(still, many)} (to reach: 0.50)")
    print(f"with me, board moving     {ratio(moved, many)} (to reach: 0.50)")


def ratio(rates: list[float], ceilings: list[float]) -> str:
    """Return the median of the rounds' ratios."""
    ratios = [rate / ceiling for rate, ceiling in zip(rates, ceilings, strict=True)]
    return f"{statistics.median(ratios):.2f}"


def main() -> None:
    """Run it."""
    port = free_port()
    with stage(PORT=str(port), SUPABASE_JWT_SECRET=secrets.token_hex(32)) as on:
        competition_id = fill(on)
        words = ("gunicorn", "-c", "gunicorn.conf.py", "bench.constant:app()")
        with process(on, *words):
            wait_until_it_listens(port)
            kinds = kinds_of(on, port, competition_id)
            report(kinds, measure(port, kinds))


if __name__ == "__main__":
    main()
