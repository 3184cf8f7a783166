"""The clock's steps: found from rows, taken in order, once."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from domain import clock
from domain.competitions.life import cancel, due, hold, move
from domain.errors import Conflict
from domain.leaderboards.flush import flush_board
from domain.leaderboards.store import BoardStore
from domain.redis import Redis
from models.competition import CompetitionStatus
from tests.factories import Factory
from tests.integration.competitions.conftest import WHOLE_LIFE, Life
from worker.unit import unit_of_work


def test_the_first_sweep_after_two_days_does_all_that_was_owed(life: Life) -> None:
    late, shorter = life.over(people=3), life.over(people=1, grace_hours=0)
    for _ in range(2):  # the second one has nothing to do
        life.sweep()
        for competition in (late, shorter):
            assert life.status(competition) == "final"
            assert sorted(life.steps(competition)) == sorted(WHOLE_LIFE)
            assert life.versions(competition) == [(1, True)]
            assert life.frozen(competition) == life.ranking(competition)


def test_each_step_waits_for_its_time(life: Life, factory: Factory) -> None:
    now = clock.now()
    competition = life.over(
        status=CompetitionStatus.ACTIVE,
        starts_at=life.over().starts_at,
        ends_at=life.over().ends_at + timedelta(days=3),
        grace_hours=2,
        review_hours=48,
    )
    for after, status in (
        (competition.ends_at - timedelta(minutes=1), "active"),
        (competition.ends_at, "closing"),
        (competition.ends_at + timedelta(hours=2, minutes=-1), "closing"),
        (competition.ends_at + timedelta(hours=2), "provisional"),
        (competition.ends_at + timedelta(hours=49), "provisional"),
        (competition.ends_at + timedelta(hours=51), "final"),
    ):
        with clock.moved(after - now):
            life.sweep()
        assert life.status(competition) == status


def test_many_end_in_the_same_second_under_several_sweeps(life: Life) -> None:
    competitions = [life.over(people=2) for _ in range(12)]
    sweeps = [threading.Thread(target=life.sweep) for _ in range(3)]
    for one in sweeps:
        one.start()
    for one in sweeps:
        one.join()
    life.sweep()  # where two met at one competition, both may have passed it by
    for competition in competitions:
        assert sorted(life.steps(competition)) == sorted(WHOLE_LIFE)
        assert life.versions(competition) == [(1, True)]


def test_one_that_is_held_holds_up_no_other(life: Life, engine: Engine) -> None:
    held, free = life.over(), life.over()
    with engine.begin() as connection:
        connection.execute(
            text("SELECT FROM competition WHERE id = :id FOR UPDATE"), {"id": held.id}
        )
        life.sweep()
        assert (life.status(held), life.status(free)) == ("upcoming", "final")
    life.sweep()
    assert life.status(held) == "final"


def test_one_that_fails_holds_up_no_other(life: Life, engine: Engine) -> None:
    broken, free = life.over(), life.over()
    refuse = f"ALTER TABLE transition ADD CONSTRAINT odd CHECK (competition_id <> '{broken.id}')"
    with engine.begin() as connection:
        connection.execute(text(refuse))
    try:
        with capture_logs() as logs:
            life.sweep()
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE transition DROP CONSTRAINT odd"))
    assert (life.status(broken), life.status(free)) == ("upcoming", "final")
    assert {"event": "competitions.failed", "competition_id": str(broken.id)}.items() <= logs[
        0
    ].items()


def test_watchers_are_told(life: Life, engine: Engine, redis: Redis) -> None:
    competition, store = life.over(), BoardStore(redis)
    life.sweep()
    assert redis.exists("bell:leaderboards.flush")
    marks = "SELECT count(*) FROM board_dirty WHERE competition_id = :id AND person_id IS NULL"
    assert life.scalar(marks, competition) == len(WHOLE_LIFE)
    position = life.scalar("SELECT epoch FROM board WHERE competition_id = :id", competition)
    redis.hset(
        f"board:{{{competition.id}}}:state",
        mapping={"epoch": position, "offset": 0, "status": "upcoming", "total": 0},
    )
    with unit_of_work(engine) as unit:
        flush_board(unit.session, store, competition.id, clock.now())
    entries = store.since(competition.id, position, 0)
    assert entries is not None
    assert [entry.status for entry in entries] == ["final"]


@pytest.mark.parametrize("status", list(CompetitionStatus))
def test_all_but_the_final_can_be_cancelled(
    life: Life, engine: Engine, factory: Factory, status: CompetitionStatus
) -> None:
    competition, admin = life.over(status=status), factory.person()
    with unit_of_work(engine) as unit:
        if status is CompetitionStatus.FINAL:
            with pytest.raises(Conflict):
                cancel(unit.session, competition.id, admin, None, clock.now())
            return
        cancel(unit.session, competition.id, admin, "Storm.", clock.now())
        cancel(unit.session, competition.id, admin, "Again.", clock.now())
    life.sweep()
    assert life.status(competition) == "cancelled"
    reason = "SELECT max(reason) FROM transition WHERE competition_id = :id"
    expected = None if status is CompetitionStatus.CANCELLED else "Storm."
    assert life.scalar(reason, competition) == expected


def test_a_step_cannot_be_taken_twice(life: Life, engine: Engine) -> None:
    competition = life.over()
    with Session(engine) as session:
        row = hold(session, competition.id)
        move(session, row, CompetitionStatus.ACTIVE, clock.now())
        row.status = CompetitionStatus.UPCOMING
        with pytest.raises(IntegrityError, match="pk_transition"):
            move(session, row, CompetitionStatus.ACTIVE, clock.now())


def test_what_is_due_longest_comes_first(life: Life, session: Session) -> None:
    newer = life.over(status=CompetitionStatus.ACTIVE)
    older = life.over(status=CompetitionStatus.UPCOMING)
    assert due(session, clock.now(), 10) == [older.id, newer.id]
    assert due(session, clock.now(), 1) == [older.id]
    assert due(session, clock.now(), 10, [older.id]) == [newer.id]
