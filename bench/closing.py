"""From a cut-off to the frozen standing: `python -m bench.closing`.

The ceiling is one bare `INSERT … SELECT rank()` of the same columns, in one transaction, into a
table without indexes, triggers and digest. Rounds alternate on the same people. A reader asks for
the top page from the table throughout; what it waits is given beside what it waits in peace.
"""

import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import insert, text

from bench.stage import Stage, stage
from domain import clock
from domain.competitions import freezing, life
from domain.competitions.freezing import Written
from domain.competitions.life import advance
from domain.fitness.windows import floor_quarter
from domain.ids import new_id
from domain.scoring import shared_devices as sharing
from models import Board, Competition
from models.competition import CompetitionStatus, Scoring, Sources, Visibility
from models.slots import Metric
from worker.unit import unit_of_work

PEOPLE = 1_000_000
ROUNDS = 3
TOP = 100
READS_A_SECOND = 50

_PEOPLE = text("""
    INSERT INTO person (sub, user_id, display_name, timezone, created_at)
    SELECT id, id, 'Person ' || n, 'UTC', :now
    FROM (SELECT n, gen_random_uuid() AS id FROM generate_series(1, :people) AS n) AS made
""")
_JOIN = text("""
    INSERT INTO participant (competition_id, person_id, user_id, joined_at, computed)
    SELECT :id, person.id, person.user_id, :now, floor(random() * 200000) FROM person
""")
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
_FORGET = text(
    "TRUNCATE former_score, standing, standing_row, bare, transition, board_dirty, device_look"
)
_REOPEN = text("UPDATE competition SET status = 'closing', shut_at = NULL WHERE id = :id")


def fill(on: Stage, people: int) -> uuid.UUID:
    """Make a competition of so many that is past its cut-off."""
    now = clock.now()
    start = floor_quarter(now) - timedelta(days=3)
    competition_id = new_id()
    with on.engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(_PEOPLE, {"people": people, "now": now})
        connection.execute(
            insert(Competition).values(
                id=competition_id,
                organiser_id=1,
                name="Bench",
                metric=Metric.STEPS,
                scoring=Scoring.TOTAL,
                sources=Sources.MEASURED,
                starts_at=start,
                ends_at=start + timedelta(days=2),
                timezone="UTC",
                grace_hours=1,
                review_hours=0,
                late_join=True,
                visibility=Visibility.PUBLIC,
                status=CompetitionStatus.CLOSING,
                participant_count=people,
                created_at=now,
            )
        )
        connection.execute(insert(Board).values(competition_id=competition_id, epoch="bench"))
        connection.execute(_JOIN, {"id": competition_id, "now": now})
    return competition_id


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
    """Forget what a round made."""
    with on.engine.begin() as connection:
        connection.execute(_FORGET)
        connection.execute(_REOPEN, {"id": competition_id})
    on.settle()


@contextmanager
def reading(on: Stage, competition_id: uuid.UUID) -> Iterator[list[float]]:
    """Read the top page again and again; yields the seconds that each took."""
    stop, took = threading.Event(), list[float]()

    def read() -> None:
        while not stop.wait(1 / READS_A_SECOND):
            began = time.perf_counter()
            with unit_of_work(on.engine) as unit:
                unit.session.execute(
                    text(
                        "SELECT user_id, score FROM participant WHERE competition_id = :id"
                        " AND disqualified_at IS NULL ORDER BY score DESC, user_id LIMIT :top"
                    ),
                    {"id": competition_id, "top": TOP},
                ).all()
            took.append(time.perf_counter() - began)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield took
    finally:
        stop.set()
        reader.join()


def timed(act: Callable[[Stage, uuid.UUID], None], on: Stage, competition_id: uuid.UUID) -> float:
    """Return the seconds that it took."""
    began = time.perf_counter()
    act(on, competition_id)
    return time.perf_counter() - began


def main() -> None:
    """Run it."""
    with stage() as on:
        competition_id = fill(on, PEOPLE)
        with on.engine.begin() as connection:
            connection.execute(_BARE_TABLE)
        on.settle()
        rounds: list[tuple[float, float]] = []
        waits: list[float] = []
        for _ in range(ROUNDS):
            clear(on, competition_id)
            ceiling = timed(bare, on, competition_id)
            clear(on, competition_id)
            with reading(on, competition_id) as took:
                rounds.append((ceiling, timed(freeze, on, competition_id)))
            waits += took
            print("bare {:.2f} s, frozen {:.2f} s".format(*rounds[-1]))
        print(f"closing {PEOPLE:,} people; medians of {ROUNDS} rounds")
        ratio = statistics.median(ceiling / frozen for ceiling, frozen in rounds)
        print(f"bare INSERT … SELECT rank()  {statistics.median(one for one, _ in rounds):.2f} s")
        print(f"cut-off to frozen standing   {statistics.median(two for _, two in rounds):.2f} s")
        print(f"ratio                        {ratio:.2f} (to reach: 0.60)")
        p99 = statistics.quantiles(waits, n=100)[98] * 1000
        print(f"top page meanwhile           p99 {p99:.1f} ms over {len(waits)} reads")


if __name__ == "__main__":
    main()
