"""Flushers that race, die and wake up late."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis.exceptions import RedisError
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from domain import clock
from domain.leaderboards.board import Position
from domain.leaderboards.flush import MARKS, BoardLost, Outcome, flush_board
from domain.leaderboards.marks import mark_dirty, mark_person, marked_boards
from domain.leaderboards.store import BoardStore, FlushAnswer
from domain.redis import Redis, make_redis
from domain.settings import Settings
from sandbox.ports import free_port
from tests.factories import Factory
from tests.integration.leaderboards.conftest import (
    Contest,
    Hold,
    Paused,
    PausedStore,
    Run,
    restore,
    save,
)
from worker.unit import unit_of_work


@pytest.fixture
def contest(hold: Hold, run: Run) -> Contest:
    """Five people with equal scores, on a board that is up to date."""
    made = hold([10] * 5)
    run("rebuild", competition_id=str(made.id))
    return made


def first_user(contest: Contest) -> str:
    return next(iter(contest.people))


class AroundScript(BoardStore):
    """Calls something of the test's before and after the real script."""

    def __init__(
        self, redis: Redis, before: Callable[[], Any], after: Callable[[], Any] = lambda: None
    ) -> None:
        super().__init__(redis)
        self.before = before
        self.after = after
        self.answers: list[FlushAnswer] = []

    def flush(self, *arguments: Any) -> FlushAnswer:
        self.before()
        self.answers.append(super().flush(*arguments))
        self.after()
        return self.answers[-1]


def until(true: Callable[[], Any], seconds: float = 10.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        threading.Event().wait(0.01)


def test_marked_scores_arrive(contest: Contest) -> None:
    before = contest.known()
    contest.score({first_user(contest): 99})

    assert contest.flush() is Outcome.FLUSHED

    assert contest.shown()[first_user(contest)] == 99
    assert contest.known() == Position(before.epoch, before.offset + 1)
    assert contest.store.states([contest.id]) == {contest.id: contest.known()}
    assert contest.flush() is Outcome.NOTHING


def test_someone_without_a_row_leaves_the_board(contest: Contest, session: Session) -> None:
    gone = contest.people[first_user(contest)]
    session.execute(text("DELETE FROM participant WHERE person_id = :id"), {"id": gone})
    mark_dirty(session, [(contest.id, gone)])
    session.commit()

    contest.flush()

    assert set(contest.shown()) == set(contest.people) - {first_user(contest)}


def test_more_marks_than_one_flush_takes(contest: Contest, session: Session) -> None:
    mark_dirty(session, [(contest.id, person) for person in contest.people.values()] * MARKS)
    session.commit()

    rounds = 0
    while contest.flush() is Outcome.FLUSHED:
        rounds += 1

    assert rounds == len(contest.people)
    assert contest.marks() == 0


def test_a_killed_flusher_is_followed_by_one_that_finishes_its_work(
    contest: Contest, settings: Settings
) -> None:
    contest.score({first_user(contest): 50})
    before = contest.known()
    arguments = [settings.database_url, settings.redis_url, str(contest.id)]
    program = [sys.executable, "-m", "tests.integration.leaderboards.dying_flusher", *arguments]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as flusher:
        assert flusher.stdout is not None
        assert flusher.stdout.readline().strip() == "flushed"
        assert contest.flush() is Outcome.BUSY
        flusher.kill()

    until(lambda: contest.flush() is not Outcome.BUSY)

    assert contest.shown()[first_user(contest)] == 50
    assert contest.known() == Position(before.epoch, before.offset + 2)
    assert contest.store.states([contest.id]) == {contest.id: contest.known()}
    assert contest.marks() == 0


def test_a_newer_score_wins_over_what_a_dead_flusher_sent(
    contest: Contest, redis: Redis, engine: Engine
) -> None:
    contest.score({first_user(contest): 50})

    def die() -> None:
        raise KeyboardInterrupt

    dying = AroundScript(redis, lambda: None, die)
    with pytest.raises(KeyboardInterrupt), unit_of_work(engine) as unit:
        flush_board(unit.session, dying, contest.id, clock.now())
    assert contest.shown()[first_user(contest)] == 50
    contest.score({first_user(contest): 70})

    assert contest.flush() is Outcome.FLUSHED

    assert contest.shown()[first_user(contest)] == 70


def test_a_paused_flusher_that_wakes_late_is_refused(
    contest: Contest, redis: Redis, engine: Engine
) -> None:
    someone = first_user(contest)
    paused, wake = threading.Event(), threading.Event()

    def pause() -> None:
        paused.set()
        assert wake.wait(60)

    late = AroundScript(redis, pause)
    contest.score({someone: 50})

    def flush_late() -> None:
        with unit_of_work(engine) as unit:
            flush_board(unit.session, late, contest.id, clock.now())

    with ThreadPoolExecutor(1) as pool:
        flusher = pool.submit(flush_late)
        assert paused.wait(60)
        end_sessions_in_transaction(engine)
        contest.score({someone: 70})
        until(lambda: contest.flush() is Outcome.FLUSHED)
        known = contest.known()
        wake.set()
        with pytest.raises(OperationalError):
            flusher.result(20)

    assert [answer.done for answer in late.answers] == [False]
    assert contest.shown()[someone] == 70
    assert contest.store.states([contest.id]) == {contest.id: known}


def end_sessions_in_transaction(engine: Engine) -> None:
    with engine.begin() as connection:
        ended = connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE state = 'idle in transaction' AND pid <> pg_backend_pid()"
            )
        ).all()
    assert len(ended) == 1


def test_a_mark_set_during_a_flush_is_left_for_the_next(
    contest: Contest, redis: Redis, engine: Engine
) -> None:
    someone = first_user(contest)
    contest.score({someone: 50})
    store = AroundScript(redis, lambda: contest.score({someone: 60}))

    with unit_of_work(engine) as unit:
        flush_board(unit.session, store, contest.id, clock.now())

    assert contest.shown()[someone] == 50
    assert contest.marks() == 1
    contest.flush()
    assert contest.shown()[someone] == 60


def test_concurrent_flushers_and_writers_lose_nothing(contest: Contest) -> None:
    users = list(contest.people)
    stop = threading.Event()

    def write(user_id: str) -> None:
        for score in range(1, 40):
            contest.score({user_id: score})

    def flush() -> int:
        done = 0
        while not stop.is_set():
            done += contest.flush() is Outcome.FLUSHED
        return done

    with ThreadPoolExecutor(8) as pool:
        flushers = [pool.submit(flush) for _ in range(3)]
        try:
            for writer in [pool.submit(write, user_id) for user_id in users]:
                writer.result(30)
        finally:
            stop.set()
        flushed = sum(flusher.result(30) for flusher in flushers)
    while contest.flush() is Outcome.FLUSHED:
        flushed += 1

    assert contest.shown() == dict.fromkeys(users, 39)
    assert contest.marks() == 0
    assert contest.known().offset == 1 + flushed
    assert contest.store.states([contest.id]) == {contest.id: contest.known()}


@pytest.mark.parametrize("harm", ["flushed", "restored"])
def test_a_board_that_went_back_in_time_is_left_to_the_rebuild(
    contest: Contest, redis: Redis, harm: str
) -> None:
    saved = save(redis)
    contest.score({first_user(contest): 50})
    contest.flush()
    contest.score({first_user(contest): 60})
    redis.flushall()
    if harm == "restored":
        restore(redis, saved)

    with pytest.raises(BoardLost):
        contest.flush()

    assert contest.marks() == 1


@pytest.mark.parametrize("late_status", ["active", "closing"], ids=["same offset", "ahead"])
def test_another_history_under_a_known_offset_is_found_and_mended(
    contest: Contest, redis: Redis, engine: Engine, run: Run, late_status: str
) -> None:
    """Redis is set back, and a flusher of that time wakes up before the sweep."""
    someone = first_user(contest)
    saved = save(redis)
    contest.score({someone: 50})
    late = PausedStore(redis)
    with pytest.raises(Paused), unit_of_work(engine) as unit:
        flush_board(unit.session, late, contest.id, clock.now())
    contest.score({someone: 70})
    contest.flush()
    known = contest.head()
    redis.flushall()
    restore(redis, saved)
    expected, _, changes = late.sends
    assert contest.store.flush(contest.id, expected, late_status, changes).done
    assert (contest.shown()[someone], known.epoch) == (50, expected.epoch)
    states = contest.store.states([contest.id])
    assert (states == {contest.id: known.position}) is (late_status == "active")

    contest.turn("active")
    with pytest.raises(BoardLost):
        contest.flush()
    run("sweep" if late_status == "active" else "flush")

    run("flush")
    assert contest.shown()[someone] == 70
    assert contest.head().epoch != known.epoch
    assert contest.marks() == 0


@pytest.mark.parametrize("harm", ["none", "flushed", "restored"])
def test_what_is_finished_leaves_redis_and_its_marks_go(
    contest: Contest, redis: Redis, run: Run, harm: str
) -> None:
    saved = save(redis)
    contest.turn("final")
    known = contest.known()
    if harm != "none":
        assert contest.flush() is Outcome.FLUSHED
        assert contest.known().offset == known.offset + 1
        redis.flushall()
        contest.score({first_user(contest): 50})
    if harm == "restored":
        restore(redis, saved)

    before = contest.known()
    assert contest.flush() is Outcome.FLUSHED

    assert contest.known().offset == before.offset + 1
    assert contest.marks() == 0
    assert all(redis.ttl(key) > 0 for key in redis.keys(f"board:*{contest.id}*"))  # type: ignore[union-attr,operator]  # redis-py's stubs
    run("sweep")
    run("rebuild", competition_id=str(contest.id))
    assert (contest.store.states([contest.id])[contest.id] is None) is (harm != "none")


def test_marks_stay_while_redis_is_away(contest: Contest, engine: Engine) -> None:
    contest.score({first_user(contest): 50})
    away = BoardStore(make_redis(f"redis://127.0.0.1:{free_port()}/0"))

    with pytest.raises(RedisError), unit_of_work(engine) as unit:
        flush_board(unit.session, away, contest.id, clock.now())

    assert contest.marks() == 1
    assert contest.flush() is Outcome.FLUSHED


def test_the_marked_boards_are_found_once_each(factory: Factory, session: Session) -> None:
    boards = sorted(factory.competition().id for _ in range(3))
    assert marked_boards(session) == {}
    mark_dirty(session, [(boards[2], 1), (boards[0], None), (boards[2], 2), (boards[0], 5)])

    assert list(marked_boards(session)) == [boards[0], boards[2]]


def test_a_person_is_marked_on_live_boards_only(factory: Factory, session: Session) -> None:
    person = factory.person()
    live, over = factory.competition(), factory.competition(status="final")
    for competition in (live, over):
        factory.participant(competition, person)

    mark_person(session, person.id)

    assert list(marked_boards(session)) == [live.id]
