"""Boards compared with the table: what is wrong is found, and what is under way is not."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from domain import clock
from domain.leaderboards import rebuild as rebuilds
from domain.leaderboards import verify
from domain.leaderboards.flush import Outcome
from domain.leaderboards.keys import board_key, state_key
from domain.redis import Redis
from tasks.mending import verify_board
from tests.integration.leaderboards.conftest import Contest, Hold, Run, restore, save
from worker.unit import unit_of_work


@pytest.fixture
def contest(hold: Hold, run: Run) -> Contest:
    """Six people on a board that is up to date."""
    made = hold([9, 9, 7, 5, 1, 0])
    run("rebuild", competition_id=str(made.id))
    return made


def compare(contest: Contest) -> verify.Verdict:
    return verify_board(lambda: unit_of_work(contest.engine), contest.store, contest.id)


def row_of(contest: Contest) -> Any:
    with Session(contest.engine) as session:
        statement = text("SELECT verified_at, verify_until, drift FROM board")
        return session.execute(statement).one()


def spoil(contest: Contest, redis: Redis) -> set[verify.Wrong]:
    """Make three lines wrong: one score, one missing, one too many."""
    changed, missing = list(contest.people)[2:4]
    stranger = str(uuid.uuid4())
    redis.zadd(board_key(contest.id), {changed: -8, stranger: -3})
    redis.zrem(board_key(contest.id), missing)
    return {
        verify.Wrong(changed, 7, 8),
        verify.Wrong(missing, 5, None),
        verify.Wrong(stranger, None, 3),
    }


def test_a_right_board(contest: Contest) -> None:
    assert compare(contest) == verify.Verdict(
        contest.id, lines=6, after=max(contest.people.values())
    )


def test_every_kind_of_wrong_line_is_found(contest: Contest, redis: Redis) -> None:
    wrong = spoil(contest, redis)

    verdict = compare(contest)

    assert set(verdict.examples) == wrong
    assert (verdict.drift, verdict.lost) == (3, False)


def test_pages_of_any_size_find_the_same(
    contest: Contest, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(contest, redis)
    monkeypatch.setattr(verify.read_page, "__defaults__", (1,))

    assert compare(contest).drift == 3


def test_what_is_marked_is_under_way(contest: Contest, redis: Redis) -> None:
    spoil(contest, redis)
    contest.score(dict.fromkeys(contest.people, 30))

    assert compare(contest).drift == 1  # the stranger, whom no mark explains


def test_a_flusher_that_died_after_its_script_is_under_way(contest: Contest) -> None:
    someone = next(iter(contest.people))
    contest.score({someone: 50})
    sent = contest.store.flush(contest.id, contest.head(), "active", [(someone, 50)])

    assert sent.done
    assert compare(contest).drift == 0


@pytest.mark.parametrize("harm", ["sorted set", "state", "older"])
def test_a_lost_board_is_wrong(contest: Contest, redis: Redis, harm: str) -> None:
    saved = save(redis)
    contest.score({next(iter(contest.people)): 50})
    contest.flush()
    if harm == "older":
        redis.flushall()
        restore(redis, saved)
    else:
        redis.delete((board_key if harm == "sorted set" else state_key)(contest.id))

    verdict = compare(contest)

    assert verdict.lost
    assert verdict.drift == 1 + {"sorted set": 6, "state": 0, "older": 1}[harm]


def test_busy_writers_give_no_false_alarm(contest: Contest) -> None:
    users, stop = list(contest.people), threading.Event()

    def write(number: int) -> None:
        score = number
        while not stop.is_set():
            contest.score(dict.fromkeys(users[number::2], score % 1000))
            score += 1

    def flush() -> None:
        while not stop.is_set():
            contest.flush()

    with ThreadPoolExecutor(3) as pool:
        busy = [pool.submit(write, 0), pool.submit(write, 1), pool.submit(flush)]
        try:
            verdicts = [compare(contest) for _ in range(40)]
        finally:
            stop.set()
        for one in busy:
            one.result(20)

    assert [verdict.drift for verdict in verdicts] == [0] * 40
    while contest.flush() is Outcome.FLUSHED:
        pass
    assert compare(contest).drift == 0


def test_a_board_under_rebuild_or_finished_is_not_compared(
    contest: Contest, engine: Engine
) -> None:
    with unit_of_work(engine) as unit:
        work = rebuilds.begin(unit.session, contest.store, contest.id, clock.now(), force=True)
    assert work is not None
    with pytest.raises(verify.NotComparable):
        compare(contest)
    with unit_of_work(engine) as unit:
        rebuilds.give_up(unit.session, work)
    contest.turn("final")
    with pytest.raises(verify.NotComparable):
        compare(contest)


def test_once_a_day_every_live_board_is_compared_and_mended(
    contest: Contest, hold: Hold, run: Run, redis: Redis
) -> None:
    run("verify_due")
    first = row_of(contest)
    spoil(contest, redis)
    run("verify_due")
    assert (row_of(contest), first.drift) == (first, 0)
    epoch = contest.known().epoch

    with clock.moved(verify.EVERY):
        run("verify_due")

    assert row_of(contest).drift == 3
    assert row_of(contest).verified_at > first.verified_at
    assert contest.known().epoch != epoch
    assert compare(contest).drift == 0


def test_a_comparison_that_died_is_made_again(contest: Contest, run: Run, engine: Engine) -> None:
    with unit_of_work(engine) as unit:
        assert verify.claim_due(unit.session, clock.now()) == [contest.id]
    run("verify_due")
    assert row_of(contest).verified_at is None

    with clock.moved(verify.LEASE):
        run("verify_due")

    assert row_of(contest).verified_at is not None
    assert row_of(contest).verify_until is None


def test_finished_boards_that_came_back_expire(
    contest: Contest, hold: Hold, run: Run, redis: Redis
) -> None:
    other = hold([1])
    run("rebuild", competition_id=str(other.id))
    with unit_of_work(contest.engine) as unit:
        statement = text("UPDATE competition SET status = 'final' WHERE id = :id")
        unit.session.execute(statement, {"id": contest.id})

    run("verify_due")

    assert redis.ttl(board_key(contest.id)) in range(3500, 3601)
    assert redis.ttl(board_key(other.id)) == -1
