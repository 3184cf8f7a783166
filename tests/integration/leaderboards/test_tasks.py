"""The tasks: what one sweep and what follows it mend."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from domain import clock
from domain.leaderboards import rebuild as rebuilds
from domain.leaderboards.board import Position
from domain.leaderboards.flush import Outcome
from domain.leaderboards.keys import board_key, state_key
from domain.leaderboards.names import NAMES_KEY, Names
from domain.people import change
from domain.redis import Redis, make_redis
from sandbox.ports import free_port
from tests.factories import Factory
from tests.integration.leaderboards.conftest import Contest, Hold, Run, restore, save
from worker.unit import unit_of_work


def is_right(contest: Contest, truth: dict[str, int]) -> bool:
    states = contest.store.states([contest.id])
    return states == {contest.id: contest.known()} and contest.shown() == truth


def test_a_new_board_appears_with_the_first_flush(hold: Hold, run: Run) -> None:
    contest = hold([3, 2, 1])
    contest.turn("active")

    run("flush")
    run("flush")

    assert is_right(contest, dict(zip(contest.people, [3, 2, 1], strict=True)))
    assert contest.marks() == 0


def test_a_flush_drains_many_boards(hold: Hold, run: Run) -> None:
    contests = [hold([1, 1]) for _ in range(12)]
    run("sweep")
    for contest in contests:
        contest.score(dict.fromkeys(contest.people, 7))

    run("flush")

    assert all(is_right(contest, dict.fromkeys(contest.people, 7)) for contest in contests)


def test_a_flush_passes_over_boards_that_others_hold(hold: Hold, run: Run, engine: Engine) -> None:
    held, free = hold([1]), hold([1])
    run("sweep")
    for contest in (held, free):
        contest.score(dict.fromkeys(contest.people, 7))
    with engine.begin() as connection:
        connection.execute(
            text("SELECT FROM board WHERE competition_id = :id FOR UPDATE"), {"id": held.id}
        )
        run("flush")

    assert is_right(free, dict.fromkeys(free.people, 7))
    assert held.marks() == 1


@pytest.mark.parametrize("harm", ["everything", "older state", "sorted set", "state"])
def test_one_sweep_mends_what_redis_lost(hold: Hold, run: Run, redis: Redis, harm: str) -> None:
    contest = hold([5, 5, 4, 0])
    run("sweep")
    saved = save(redis)
    contest.score(dict.fromkeys(contest.people, 8))
    run("flush")
    before = contest.known()
    if harm in ("everything", "older state"):
        redis.flushall()
    if harm == "older state":
        restore(redis, saved)
    if harm == "sorted set":
        redis.delete(board_key(contest.id))
    if harm == "state":
        redis.delete(state_key(contest.id))

    run("sweep")

    assert is_right(contest, dict.fromkeys(contest.people, 8))
    assert contest.known().epoch != before.epoch
    assert contest.known().offset > before.offset
    assert contest.store.since(contest.id, *before) is None


def test_a_sweep_leaves_a_right_board_alone(hold: Hold, run: Run) -> None:
    contest = hold([5])
    run("sweep")
    known = contest.known()

    run("sweep")

    assert is_right(contest, dict.fromkeys(contest.people, 5))
    assert contest.known() == known


def test_a_sweep_rings_for_marks_that_nobody_flushed(hold: Hold, run: Run, redis: Redis) -> None:
    contest = hold([5])
    run("sweep")
    run("flush")
    assert redis.exists("bell:leaderboards.flush") == 0
    contest.score(dict.fromkeys(contest.people, 6))

    run("sweep")

    assert redis.exists("bell:leaderboards.flush") == 1


def test_a_sweep_mends_a_status_whose_mark_was_lost(hold: Hold, run: Run, session: Session) -> None:
    contest = hold([5])
    run("sweep")
    session.execute(text("UPDATE competition SET status = 'closing'"))
    session.commit()

    run("sweep")
    run("flush")

    picture = contest.store.pictures([contest.id])[contest.id]
    assert picture is not None
    assert picture.status == "closing"


def test_a_board_ahead_without_marks_is_rebuilt(hold: Hold, run: Run) -> None:
    contest = hold([5])
    run("sweep")
    known = contest.known()
    contest.store.flush(contest.id, contest.head(), "active", [(next(iter(contest.people)), 999)])

    run("sweep")

    assert is_right(contest, dict.fromkeys(contest.people, 5))
    assert contest.known().offset > known.offset + 1


def test_a_board_ahead_with_marks_is_left_to_the_flush(hold: Hold, run: Run) -> None:
    contest = hold([5])
    run("sweep")
    known = contest.known()
    someone = next(iter(contest.people))
    contest.score({someone: 6})
    contest.store.flush(contest.id, contest.head(), "active", [(someone, 6)])

    run("sweep")
    run("rebuild", competition_id=str(contest.id))

    assert contest.known() == known
    run("flush")
    assert is_right(contest, {someone: 6})
    assert contest.known() == Position(known.epoch, known.offset + 2)


def test_flushers_stand_back_during_a_rebuild(hold: Hold, run: Run, engine: Engine) -> None:
    contest = hold([5, 5])
    someone = next(iter(contest.people))
    with unit_of_work(engine) as unit:
        work = rebuilds.begin(unit.session, contest.store, contest.id, clock.now())
    assert work is not None
    with unit_of_work(engine) as unit:
        page = rebuilds.read_page(unit.session, work, clock.now())
    rebuilds.copy_page(contest.store, work, page)
    contest.score({someone: 77})

    assert contest.flush() is Outcome.BUSY
    run("rebuild", competition_id=str(contest.id))
    with unit_of_work(engine) as unit:
        reached = rebuilds.finish(unit.session, contest.store, work)

    assert reached == contest.known()
    assert contest.shown()[someone] == 5
    run("flush")
    assert is_right(contest, dict(zip(contest.people, [77, 5], strict=True)))


def test_a_rebuild_that_died_is_done_again_when_its_lease_has_passed(
    hold: Hold, run: Run, engine: Engine
) -> None:
    contest = hold([5, 5])
    with unit_of_work(engine) as unit:
        assert rebuilds.begin(unit.session, contest.store, contest.id, clock.now())

    run("sweep")
    assert contest.store.states([contest.id]) == {contest.id: None}
    with clock.moved(rebuilds.LEASE + timedelta(seconds=1)):
        run("sweep")

    assert is_right(contest, dict.fromkeys(contest.people, 5))


def test_a_rebuild_that_was_overtaken_changes_nothing(hold: Hold, run: Run, engine: Engine) -> None:
    contest = hold([5, 5])
    with unit_of_work(engine) as unit:
        slow = rebuilds.begin(unit.session, contest.store, contest.id, clock.now())
    assert slow is not None
    with clock.moved(rebuilds.LEASE + timedelta(seconds=1)):
        run("sweep")
    known = contest.known()

    with pytest.raises(rebuilds.LeaseLost), unit_of_work(engine) as unit:
        rebuilds.finish(unit.session, contest.store, slow)
    with pytest.raises(rebuilds.LeaseLost), unit_of_work(engine) as unit:
        rebuilds.read_page(unit.session, slow, clock.now() + rebuilds.LEASE)

    assert contest.known() == known
    assert is_right(contest, dict.fromkeys(contest.people, 5))


def test_a_rebuild_whose_redis_was_emptied_meanwhile_gives_back_its_lease(
    hold: Hold, run: Run, engine: Engine, redis: Redis
) -> None:
    contest = hold([5, 5])
    with unit_of_work(engine) as unit:
        work = rebuilds.begin(unit.session, contest.store, contest.id, clock.now())
    assert work is not None
    with unit_of_work(engine) as unit:
        page = rebuilds.read_page(unit.session, work, clock.now())
    rebuilds.copy_page(contest.store, work, page)
    redis.flushall()

    with unit_of_work(engine) as unit:
        assert rebuilds.finish(unit.session, contest.store, work) is None
    run("sweep")

    assert is_right(contest, dict.fromkeys(contest.people, 5))


def test_a_rebuild_killed_after_its_swap_is_done_again(
    hold: Hold, run: Run, engine: Engine
) -> None:
    contest = hold([5, 5])
    with unit_of_work(engine) as unit:
        work = rebuilds.begin(unit.session, contest.store, contest.id, clock.now())
    assert work is not None
    with unit_of_work(engine) as unit:
        page = rebuilds.read_page(unit.session, work, clock.now())
    rebuilds.copy_page(contest.store, work, page)
    with Session(engine) as session:
        assert rebuilds.finish(session, contest.store, work) is not None
        session.rollback()

    with clock.moved(rebuilds.LEASE + timedelta(seconds=1)):
        run("sweep")

    assert is_right(contest, dict.fromkeys(contest.people, 5))


def test_two_rebuilds_at_once_are_one(hold: Hold, run: Run) -> None:
    contest = hold([5] * 50)
    threads = [
        threading.Thread(target=run, args=("rebuild",), kwargs={"competition_id": str(contest.id)})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert is_right(contest, dict.fromkeys(contest.people, 5))
    assert contest.known().offset == 1


def test_names_are_filled_once_and_written_through(
    redis: Redis, engine: Engine, factory: Factory
) -> None:
    names = Names(redis, engine)
    person = factory.person(display_name="Old Name")
    user_id, stranger = str(person.user_id), str(uuid.uuid4())

    assert names.of([user_id, stranger]) == {user_id: "Old Name"}
    assert redis.ttl(NAMES_KEY) in range(1, 601)
    with unit_of_work(engine) as unit:
        change(unit.session, person.id, "Né Lumière", None)
    assert names.of([user_id]) == {user_id: "Old Name"}
    names.put(user_id, "Né Lumière")

    assert names.of([user_id]) == {user_id: "Né Lumière"}
    assert names.of([]) == {}


def test_a_reader_with_an_old_name_does_not_undo_a_rename(
    redis: Redis, engine: Engine, factory: Factory
) -> None:
    person = factory.person(display_name="Old Name")
    user_id = str(person.user_id)

    class SlowNames(Names):
        def _load(self, ids: list[str]) -> dict[str, str]:
            found = super()._load(ids)
            self.put(user_id, "New Name")
            return found

    SlowNames(redis, engine).of([user_id])

    assert Names(redis, engine).of([user_id]) == {user_id: "New Name"}


def test_names_are_read_from_the_table_while_redis_is_away(
    engine: Engine, factory: Factory
) -> None:
    person = factory.person(display_name="Someone")
    names = Names(make_redis(f"redis://127.0.0.1:{free_port()}/0"), engine)

    assert names.of([str(person.user_id)]) == {str(person.user_id): "Someone"}
    names.put(str(person.user_id), "Other")


def test_a_rename_reaches_watchers_as_a_row(hold: Hold, run: Run, engine: Engine) -> None:
    contest = hold([5, 4])
    run("sweep")
    known = contest.known()
    user_id, person_id = next(iter(contest.people.items()))
    with unit_of_work(engine) as unit:
        change(unit.session, person_id, "New Name", None)

    run("flush")

    (entry,) = contest.store.since(contest.id, *known) or []
    assert entry.rows == [(user_id, 5)]


def test_a_large_board_is_rebuilt_in_pages(
    engine: Engine, factory: Factory, run: Run, store: Any
) -> None:
    competition = factory.competition()
    with engine.begin() as connection:
        connection.execute(_MANY, {"people": 12_001})
        connection.execute(_ALL_JOIN, {"id": competition.id})

    run("rebuild", competition_id=str(competition.id))

    page, _ = store.read_page(competition.id, 12_000, 10)
    assert page.total == 12_001 + 1
    assert [row.score for row in page.rows] == [1, 1]
    assert isinstance(store.states([competition.id])[competition.id], Position)


_MANY = text("""
    INSERT INTO person (sub, user_id, display_name, timezone, created_at)
    SELECT id, id, 'Someone', 'UTC', '2026-11-20T00:00:00Z' FROM (
        SELECT gen_random_uuid() AS id FROM generate_series(1, :people)
    ) AS made
""")
_ALL_JOIN = text("""
    INSERT INTO participant (competition_id, person_id, user_id, joined_at, computed)
    SELECT :id, id, user_id, created_at, greatest(id - 1, 1) FROM person
""")
