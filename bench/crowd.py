"""A competition with many people, and its board."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from sqlalchemy import text

from bench.contest import make_competition
from bench.stage import Stage
from domain import clock
from domain.leaderboards.flush import flush_board
from domain.leaderboards.marks import mark_dirty
from domain.leaderboards.store import BoardStore
from tasks.mending import rebuild_board
from worker.unit import unit_of_work

MOVE_SECONDS = 0.25
MOST_POINTS = 200_000

_PEOPLE = text("""
    INSERT INTO person (sub, user_id, display_name, timezone, created_at)
    SELECT id, id, 'Person ' || n, 'UTC', :now
    FROM (SELECT n, gen_random_uuid() AS id FROM generate_series(1, :people) AS n) AS made
""")
_JOIN = text("""
    INSERT INTO participant (competition_id, person_id, user_id, joined_at, computed)
    SELECT :id, person.id, person.user_id, :now, floor(random() * :most) FROM person
""")


def enter(
    on: Stage, people: int, starts_at: datetime, ends_at: datetime, **columns: Any
) -> uuid.UUID:
    """Make so many people, and a competition that all of them are in."""
    now = clock.now()
    with on.engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(_PEOPLE, {"people": people, "now": now})
        competition_id = make_competition(
            connection, 1, starts_at, ends_at, participant_count=people, **columns
        )
        connection.execute(_JOIN, {"id": competition_id, "now": now, "most": MOST_POINTS})
    return competition_id


def fill(on: Stage, people: int) -> uuid.UUID:
    """Make a competition of so many people, and its board as the worker does."""
    start = clock.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    competition_id = enter(on, people, start, start + timedelta(days=10))
    on.settle()
    if not rebuild_board(partial(unit_of_work, on.engine), BoardStore(on.redis), competition_id):
        raise RuntimeError("the board was not built")
    return competition_id


@contextmanager
def moving(on: Stage, competition_id: uuid.UUID) -> Iterator[None]:
    """Move the board four times a second during the block."""
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
