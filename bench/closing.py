"""From a cut-off to the frozen standing of a million people: `python -m bench.closing`.

The ceiling is one bare `INSERT … SELECT rank()` of the same columns, in one transaction, into a
table without indexes, triggers and digest. Rounds alternate on the same people. Meanwhile people
of the board ask for its top page over HTTP; what they wait is given beside what they wait in peace.
"""

import secrets
import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from http import HTTPStatus
from http.client import HTTPConnection
from itertools import cycle
from typing import NamedTuple

from sqlalchemy import text

from bench.crowd import enter, fill
from bench.load import Unexpected, wait_until_it_listens
from bench.reads import participants, span
from bench.stage import Stage, process, stage
from domain import clock
from domain.competitions import freezing, life
from domain.competitions.freezing import Written
from domain.competitions.life import advance
from domain.fitness.windows import floor_quarter
from domain.scoring import shared_devices as sharing
from models.competition import CompetitionStatus
from sandbox.ports import LOOPBACK, free_port
from worker.unit import unit_of_work

PEOPLE = 1_000_000
ROUNDS = 3
READS_A_SECOND = 50
PEACE_SECONDS = 10
GOAL = 0.6

_BARE_TABLE = text("""
    CREATE TABLE bare (place integer, rank integer, person_id bigint, score bigint,
                       computed bigint, posted bigint, standing_id bigint)
""")
_BARE = text("""
    INSERT INTO bare (place, rank, person_id, score, computed, posted, standing_id)
    SELECT row_number() OVER (ORDER BY score DESC, user_id), rank() OVER (ORDER BY score DESC),
           person_id, score, computed, posted, 1
    FROM participant WHERE competition_id = :id
""")
_FORGET = text("""
    TRUNCATE former_score, standing, standing_block, bare, transition, board_dirty, device_look
    CASCADE
""")
_CLOSE = text("""
    UPDATE competition SET status = 'closing', shut_at = NULL, grace_hours = 0,
        ends_at = starts_at + interval '1 hour'
    WHERE id = :id
""")


class Closing(NamedTuple):
    """Seconds of one round; of each read too."""

    bare: float
    frozen: float
    peace: list[float]
    meanwhile: list[float]


def fill_over(on: Stage, people: int) -> uuid.UUID:
    """Make a competition of so many that is past its cut-off, without a board in Redis."""
    start = floor_quarter(clock.now()) - timedelta(days=3)
    closing = {"status": CompetitionStatus.CLOSING, "grace_hours": 1}
    return enter(on, people, start, start + timedelta(days=2), **closing)


def bare(on: Stage, competition_id: uuid.UUID) -> None:
    """Do the least that there is to do."""
    with on.engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(_BARE, {"id": competition_id})


def freeze(on: Stage, competition_id: uuid.UUID) -> None:
    """Freeze as the sweep does, with the last look for shared devices."""
    now = clock.now()
    with unit_of_work(on.engine) as unit:
        shut = life.shut(unit.session, competition_id, now)
        look = sharing.last_look(unit.session, competition_id)
    if shut is None or look is None:
        raise RuntimeError("it is not due")
    with unit_of_work(on.engine) as unit:
        days = sharing.days_written(unit.session, look)
    if days:
        raise RuntimeError("nobody has data")
    with unit_of_work(on.engine) as unit:
        sharing.finish_look(unit.session, look, now)
    with unit_of_work(on.engine) as unit:
        if advance(unit.session, competition_id, clock.now()) is None:
            raise RuntimeError("it is not due")
        (standing_id,) = freezing.unfinished_standings(unit.session, 1)
    written = Written.PAGE
    while written is Written.PAGE:
        with unit_of_work(on.engine) as unit:
            written = freezing.write_page(unit.session, standing_id, clock.now())


def clear(on: Stage, competition_id: uuid.UUID) -> None:
    """Forget what a round made, and let it be past its cut-off."""
    with on.engine.begin() as connection:
        # Triggers refuse to forget; a replica's session does not ask them.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(_FORGET)
        connection.execute(_CLOSE, {"id": competition_id})
    on.settle()


@contextmanager
def reading(port: int, path: str, callers: Sequence[str]) -> Iterator[list[float]]:
    """Let people ask in turn, again and again; yields the seconds that each waited."""
    stop, took = threading.Event(), list[float]()

    def read() -> None:
        with closing(HTTPConnection(LOOPBACK, port)) as connection:
            for caller in cycle(callers):
                if stop.wait(1 / READS_A_SECOND):
                    break
                began = time.perf_counter()
                connection.request("GET", path, headers={"Authorization": f"Bearer {caller}"})
                answer = connection.getresponse()
                answer.read()
                took.append(time.perf_counter() - began)
                if answer.status != HTTPStatus.OK:
                    raise Unexpected(path)

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read)
        try:
            yield took
        finally:
            stop.set()
        reader.result()


def timed(act: Callable[[Stage, uuid.UUID], None], on: Stage, competition_id: uuid.UUID) -> float:
    """Return the seconds that it took."""
    began = time.perf_counter()
    act(on, competition_id)
    return time.perf_counter() - began


def measure(on: Stage, port: int, competition_id: uuid.UUID) -> list[Closing]:
    """Close a competition again and again, whose board is in Redis and on the site."""
    path, callers = f"/api/v1/leaderboard/{competition_id}", participants(on)
    with on.engine.begin() as connection:
        connection.execute(_BARE_TABLE)
    rounds = []
    for _ in range(ROUNDS):
        clear(on, competition_id)
        with reading(port, path, callers) as peace:
            time.sleep(PEACE_SECONDS)
        ceiling = timed(bare, on, competition_id)
        clear(on, competition_id)
        with reading(port, path, callers) as meanwhile:
            frozen = timed(freeze, on, competition_id)
        rounds.append(Closing(ceiling, frozen, peace, meanwhile))
    return rounds


def report(rounds: Sequence[Closing]) -> None:
    """Print the table."""
    bares, frozen = [one.bare for one in rounds], [one.frozen for one in rounds]
    ratios = [one.bare / one.frozen for one in rounds]
    print(f"bare INSERT … SELECT rank()  {statistics.median(bares):.2f} s")
    print(
        f"cut-off to frozen standing   {statistics.median(frozen):.2f} s"
        f"  {span(ratios)} (to reach: {GOAL:.2f})"
    )
    for name, waits in (
        ("top page meanwhile", [wait for one in rounds for wait in one.meanwhile]),
        ("top page in peace", [wait for one in rounds for wait in one.peace]),
    ):
        p50, p99 = (1000 * statistics.quantiles(waits, n=100)[n] for n in (49, 98))
        print(f"{name:28} p50 {p50:.1f} ms, p99 {p99:.1f} ms over {len(waits)} reads")


def main() -> None:
    """Run it."""
    port = free_port()
    with stage(PORT=str(port), SUPABASE_JWT_SECRET=secrets.token_hex(32)) as on:
        competition_id = fill(on, PEOPLE)
        with process(on, "gunicorn", "-c", "gunicorn.conf.py", "web:create_app()"):
            wait_until_it_listens(port)
            rounds = measure(on, port, competition_id)
    print(f"closing {PEOPLE:,} people; medians of {ROUNDS} rounds (range)")
    report(rounds)


if __name__ == "__main__":
    main()
