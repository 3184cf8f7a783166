"""Boards of a million people against what Valkey and a constant can do: `python -m bench.boards`.

One run on one Valkey: (a) raw variadic ZADD of 1,000 lines, pipelined; (b) the script of a flush
alone, with its stream and its bell; (c) score changes from dirty rows in PostgreSQL through the
flusher; (d) reads against a constant; (e) a rebuild; (f) the closing of the competition, as
`bench.closing` measures it. Changes are compared with raw changes of an equal set, the rebuild with
the same lines raw into an empty one. Ratios are taken within a round.
"""

import random
import secrets
import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import text

from bench import closing
from bench.crowd import MOST_POINTS, fill, moving
from bench.load import wait_until_it_listens
from bench.reads import Read, measure, participants, read, report, span, stranger
from bench.rebuilding import rebuild_apart
from bench.stage import Stage, process, stage
from domain import clock
from domain.leaderboards.board import Head
from domain.leaderboards.flush import Outcome, flush_board
from domain.leaderboards.store import BoardStore
from sandbox.ports import free_port
from worker.unit import unit_of_work

PEOPLE = 1_000_000
CHANGES = 50_000
LINES = 1_000
PIPELINED = 10
ROUNDS = 3
READ_ROUNDS = 7
RAW = "bench:raw"
MOST_MEGABYTES = 200

_LINES = text("SELECT -score, CAST(user_id AS text) FROM participant ORDER BY person_id")
_HEAD = text('SELECT epoch, "offset", lineage FROM board')
_CHANGE = text("""
    WITH changed AS (
        UPDATE participant SET computed = floor(random() * :most) WHERE person_id = ANY(:people)
        RETURNING competition_id, person_id)
    INSERT INTO board_dirty (competition_id, person_id) SELECT * FROM changed ORDER BY random()
""")


class Round(NamedTuple):
    """Lines per second, and the memory of the rebuild's process."""

    raw_new: float
    rebuild: float
    megabytes: float
    raw_changes: float
    script: float
    flush: float


def lines_per_second(on: Stage, count: int, work: Callable[[], None]) -> float:
    """Time it, when Redis has come to rest."""
    on.settle_redis()
    begun = time.perf_counter()
    work()
    return count / (time.perf_counter() - begun)


def put_raw(on: Stage, words: Sequence[str]) -> None:
    """Send lines as fast as the client can."""
    step = 2 * LINES * PIPELINED
    for first in range(0, len(words), step):
        with on.redis.pipeline(transaction=False) as pipe:
            for start in range(first, min(first + step, len(words)), 2 * LINES):
                pipe.execute_command(  # type: ignore[no-untyped-call]  # redis-py's
                    "ZADD", RAW, *words[start : start + 2 * LINES]
                )
            pipe.execute()


def run_scripts(on: Stage, board: uuid.UUID, words: Sequence[str]) -> Callable[[], None]:
    """Prepare flushes of these lines; the table is told afterwards where the board stands."""
    store = BoardStore(on.redis)
    pairs = [(user, -int(score)) for score, user in zip(words[::2], words[1::2], strict=True)]
    with on.engine.connect() as connection:
        head = Head(*connection.execute(_HEAD).one())

    def run() -> None:
        reached = head
        for first in range(0, len(pairs), LINES):
            answer = store.flush(board, reached, "active", pairs[first : first + LINES])
            if not answer.done or answer.head is None:
                raise RuntimeError("refused")
            reached = answer.head
        with on.engine.begin() as connection:
            moved = text('UPDATE board SET "offset" = :offset, lineage = :lineage')
            connection.execute(moved, {"offset": reached.offset, "lineage": reached.lineage})

    return run


def flush_all(on: Stage, board: uuid.UUID) -> None:
    """Flush until no marks are left, as the task does."""
    store, outcome = BoardStore(on.redis), Outcome.FLUSHED
    while outcome is Outcome.FLUSHED:
        with unit_of_work(on.engine) as unit:
            outcome = flush_board(unit.session, store, board, clock.now())
    if outcome is not Outcome.NOTHING:
        raise RuntimeError(outcome)


def play(on: Stage, board: uuid.UUID) -> Round:
    """Measure everything that writes, once."""
    with on.engine.connect() as connection:
        found = connection.execute(_LINES).all()
    words = [word for score, user in found for word in (str(score), user)]
    chosen = random.sample(range(PEOPLE), CHANGES)
    changes = [
        word for n in chosen for word in (str(-random.randrange(MOST_POINTS)), found[n].user_id)
    ]
    on.redis.delete(RAW)
    raw_new = lines_per_second(on, PEOPLE, partial(put_raw, on, words))
    on.settle_redis()
    rebuilt = rebuild_apart(on, board)
    raw_changes = lines_per_second(on, CHANGES, partial(put_raw, on, changes))
    script = lines_per_second(on, CHANGES, run_scripts(on, board, changes))
    with on.engine.begin() as connection:
        people = [n + 1 for n in chosen]
        connection.execute(_CHANGE, {"most": MOST_POINTS, "people": people})
    flush = lines_per_second(on, CHANGES, partial(flush_all, on, board))
    return Round(raw_new, PEOPLE / rebuilt.seconds, rebuilt.megabytes, raw_changes, script, flush)


def report_writes(rounds: Sequence[Round]) -> None:
    """Print the table of what writes."""
    new, rebuilt, megabytes, raw, script, flush = zip(*rounds, strict=True)
    rows = (
        ("(a) raw, new lines", new, None, 0.0),
        ("(a) raw, changes", raw, None, 0.0),
        ("(b) script alone", script, raw, 0.4),
        ("(c) dirty rows through the flusher", flush, raw, 0.2),
        ("(e) rebuild", rebuilt, new, 0.5),
    )
    for name, rates, ceilings, goal in rows:
        print(f"{name:36} {sorted(rates)[len(rates) // 2]:9,.0f} lines/s", end="")
        if ceilings is not None:
            ratios = [rate / ceiling for rate, ceiling in zip(rates, ceilings, strict=True)]
            print(f"  {span(ratios)} (to reach: {goal:.2f})", end="")
        print()
    print(f"the rebuild's process: at most {max(megabytes):.0f} MB (to keep: {MOST_MEGABYTES})")


def reads_of(on: Stage, port: int, board: uuid.UUID) -> list[Read]:
    """Return the reads, in the order of a round."""
    path, callers = f"/api/v1/leaderboard/{board}", participants(on)
    middle, around = f"{path}?start={PEOPLE // 2}", f"{path}?around=me"
    during = partial(moving, on, board)
    one = partial(read, port)
    return [
        one("top page without me", path, stranger(on), rows=100, goal=0.8),
        one("top page with me", path, callers, rows=100, goal=0.5),
        one("page at 500,000", middle, callers, rows=100, goal=0.5),
        one("around me", around, callers, rows=11, goal=0.5),
        one("top page with me, moving", path, callers, rows=100, goal=0.5, meanwhile=during),
        one("page at 500,000, moving", middle, callers, rows=100, goal=0.5, meanwhile=during),
        one("around me, moving", around, callers, rows=11, goal=0.5, meanwhile=during),
    ]


def main() -> None:
    """Run it."""
    port = free_port()
    with stage(PORT=str(port), SUPABASE_JWT_SECRET=secrets.token_hex(32)) as on:
        board = fill(on, PEOPLE)
        print(f"a board of {PEOPLE:,}; medians of {ROUNDS} rounds (range)")
        report_writes([play(on, board) for _ in range(ROUNDS)])
        on.redis.delete(RAW)
        on.settle()
        with process(on, "gunicorn", "-c", "gunicorn.conf.py", "bench.constant:app()"):
            wait_until_it_listens(port)
            reads = reads_of(on, port, board)
            print(f"(d) reads; medians of {READ_ROUNDS} rounds (range)")
            report(reads, measure(port, reads, READ_ROUNDS))
            print(f"(f) closing; medians of {closing.ROUNDS} rounds (range)")
            closing.report(closing.measure(on, port, board))


if __name__ == "__main__":
    main()
