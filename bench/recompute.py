"""Every score of a competition anew from its slots, against one bare sum over the same rows.

    python -m bench.recompute [--people 10000 100000] [--rounds 3]

People have thirty days of steps: from a watch, from a phone or from both, some from a vendor's
cloud besides; some have put their sources in order, some days are typed in, and there is a daily
cap. The days are those of Europe/Berlin, so every row is cut in two. The ceiling unnests and sums
the same slots by person, with PostgreSQL's own parallel workers; pages of people are counted in as
many sessions at a time as there are cores. Both may use every core.
It is measured from nothing, when every day is inserted, and once more, when nothing differs.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import text

from bench.stage import Stage, populate, stage
from domain import clock
from models.slots import Metric
from tasks.counting import recompute_all
from worker.unit import unit_of_work

DAYS = 30
POOL = 2000
"""Days to draw from; making each anew would take longer than everything that is measured."""

SOURCES = """
INSERT INTO source (person_id, key, provider, kind, coarse, first_seen_at)
SELECT p.id, s.key, 'bench', s.kind, s.coarse, :now
FROM person p
JOIN (VALUES ('health_connect/com.example.health/watch/Google/Pixel Watch', 'watch', false, 0, 70),
             ('health_connect/com.example.health/phone/Google/Pixel 8', 'phone', false, 50, 100),
             ('google_fit', 'cloud', false, 40, 55),
             ('health_connect/com.example.import////coarse', 'other', true, 45, 48))
     AS s(key, kind, coarse, low, high) ON mod(p.id, 100) >= s.low AND mod(p.id, 100) < s.high
"""
"""70 in a hundred people have a watch, 50 a phone, 20 both; 15 a cloud, 3 a coarse import."""
ORDERS = """
INSERT INTO source_order (person_id, ordered_at, keys)
SELECT person_id, CAST(:now AS timestamptz) - interval '90 days', array_agg(key ORDER BY key DESC)
FROM source WHERE mod(person_id, 20) = 3 GROUP BY person_id
"""
POOLED = """
CREATE TEMPORARY TABLE pool ON COMMIT DROP AS
SELECT n, array_agg(CASE WHEN slot BETWEEN 26 AND 88 AND random() < 0.6
                         THEN CAST(floor(random() * 500) AS integer) * 1000 ELSE 0 END
                    ORDER BY slot) AS slots
FROM generate_series(0, :pool - 1) AS n, generate_series(0, 95) AS slot GROUP BY n
"""
SLOTS = """
INSERT INTO slot_day (person_id, metric, source, day, class, slots, ingested_at)
SELECT s.person_id, 'steps', s.key, day, class,
       pool.slots[1:47] || CAST(mod(s.person_id * :days + back, 900000) AS integer)
           || pool.slots[49:96],
       :now
FROM source s
CROSS JOIN generate_series(1, :days) AS back
CROSS JOIN LATERAL (
    SELECT CAST(CAST(:now AS timestamptz) AT TIME ZONE 'UTC' AS date) - back AS day
) AS d
CROSS JOIN LATERAL (
    SELECT mod(s.person_id * 31 + back * 7 + length(s.key), :pool) AS drawn
) AS x
JOIN LATERAL (VALUES ('measured', 100), ('manual', 3)) AS c(class, often)
     ON mod(x.drawn, 100) < often
JOIN pool ON pool.n = x.drawn
"""
"""Each row has a slot of its own, or the ceiling's plan would remember the sums of equal ones."""
BARE = """
SELECT d.person_id, sum(value) FROM slot_day d CROSS JOIN LATERAL unnest(d.slots) AS value
WHERE d.metric = 'steps' GROUP BY d.person_id
"""


@dataclass
class Round:
    """Seconds."""

    bare: float
    anew: float
    again: float


def seconds(job: Callable[[], None]) -> float:
    """Return how long a job takes."""
    begun = time.perf_counter()
    job()
    return time.perf_counter() - begun


def fill(on: Stage, people: int) -> int:
    """Make people and their days; return how many rows of slots those are."""
    on.clear()
    populate(on, people, [Metric.STEPS], days=DAYS)
    values = {"now": clock.now(), "pool": POOL, "days": DAYS}
    with on.engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("UPDATE competition SET daily_cap = 12000"))
        connection.execute(text("SELECT setseed(0.5)"))
        connection.execute(text(SOURCES), values)
        connection.execute(text(ORDERS), values)
        connection.execute(text(POOLED), values)
        connection.execute(text("ANALYZE pool"))
        return connection.execute(text(SLOTS), values).rowcount


def sum_bare(on: Stage) -> None:
    """Add up all slots by person."""
    with on.engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text(BARE)).all()


def recompute(on: Stage) -> int:
    """Recompute the competition page by page; return how many scores changed."""
    with on.engine.connect() as connection:
        competition_id = connection.execute(text("SELECT id FROM competition")).scalar_one()
    pages = recompute_all(
        lambda: unit_of_work(on.engine),
        competition_id,
        sessions=os.cpu_count() or 1,
        changed=lambda: None,
    )
    return sum(page.changed for page in pages)


def forget(on: Stage) -> None:
    """Leave no score."""
    with on.engine.begin() as connection:
        connection.execute(text("TRUNCATE score_day, board_dirty"))
        connection.execute(text("UPDATE participant SET computed = 0"))
    on.settle()


def expect(found: int, wanted: int) -> None:
    """Fail unless so many scores changed."""
    if found != wanted:
        raise ValueError(f"{found} scores changed, not {wanted}")


def measure(on: Stage, people: int) -> Round:
    """Do one round."""
    forget(on)
    return Round(
        seconds(lambda: sum_bare(on)),
        seconds(lambda: expect(recompute(on), people)),
        seconds(lambda: expect(recompute(on), 0)),
    )


def report(people: int, rows: int, measured: list[Round]) -> None:
    """Print a table. Ratios are taken within a round, so that a busy machine weighs on both."""
    print(f"{people} people, {DAYS} days, {rows} rows; medians of {len(measured)} rounds (range)")
    for name, taken, ratios in (
        ("bare sum", [one.bare for one in measured], []),
        ("from nothing", [one.anew for one in measured], [one.bare / one.anew for one in measured]),
        ("once more", [one.again for one in measured], [one.bare / one.again for one in measured]),
    ):
        median = statistics.median(taken)
        line = f"  {name:13} {median:7.2f} s  {median / people * 1e6:6.0f} us a person"
        if ratios:
            line += (
                f"  ratio {statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})"
            )
        print(line, flush=True)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3, help="of the first size; later ones: one")
    asked = parser.parse_args()
    with stage() as on:
        for place, people in enumerate(asked.people):
            rows = fill(on, people)
            on.settle()
            rounds = 1 if place else asked.rounds
            report(people, rows, [measure(on, people) for _ in range(rounds)])


if __name__ == "__main__":
    main()
