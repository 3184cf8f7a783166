"""Calls to a vendor are paid from buckets that all workers share."""

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fitness.budget import Ask, Budget, Limits, Room
from domain.redis import Redis
from models.connection import Provider
from tests.rules import ON_SERVERS

NOW = datetime(2026, 3, 2, tzinfo=UTC)
PAID = timedelta(0)
PLENTY = 10**9
PEOPLE = [uuid.UUID(int=n) for n in range(5)]


def budget(redis: Redis, *, project: int = PLENTY, person: int = PLENTY) -> Budget:
    return Budget(redis, Provider.GOOGLE_FIT, Limits(project, person))


def wishes(count: int) -> list[Ask]:
    return [Ask(uuid.uuid4(), wished=True) for _ in range(count)]


def paid(waits: Sequence[timedelta]) -> int:
    return sum(wait == PAID for wait in waits)


def test_a_fifth_may_go_at_once_and_the_rest_comes_evenly(redis: Redis) -> None:
    purse = budget(redis, project=300)
    waits = purse.take(wishes(64), NOW)
    assert paid(waits) == 60
    assert waits[60:] == [timedelta(milliseconds=250 * n) for n in range(1, 5)]
    assert paid(purse.take(wishes(64), NOW + timedelta(seconds=1))) == 4
    assert paid(purse.take(wishes(64), NOW + timedelta(minutes=2))) == 60


def test_whoever_comes_when_told_gets_it(redis: Redis) -> None:
    purse = budget(redis, project=300)
    purse.take(wishes(60), NOW)
    (wait,) = purse.take(wishes(1), NOW)
    assert purse.take(wishes(1), NOW + wait - timedelta(milliseconds=2)) != [PAID]
    assert purse.take(wishes(1), NOW + wait) == [PAID]


def test_a_person_has_a_limit_of_their_own(redis: Redis) -> None:
    purse = budget(redis, person=50)
    greedy = Ask(PEOPLE[0], wished=True)
    waits = purse.take([greedy] * 12 + wishes(3), NOW)
    assert [wait == PAID for wait in waits] == [True] * 10 + [False] * 2 + [True] * 3


def test_what_nobody_asked_for_leaves_a_reserve(redis: Redis) -> None:
    purse = budget(redis, project=300)
    assert purse.room(NOW) == Room(60, 40)
    unasked = [Ask(uuid.uuid4(), wished=False) for _ in range(60)]
    assert paid(purse.take(unasked, NOW)) == 40
    assert purse.room(NOW) == Room(20, 0)
    assert paid(purse.take(wishes(60), NOW)) == 20
    assert purse.room(NOW) == Room(0, 0)


def test_what_is_given_back_is_there_again_and_no_more(redis: Redis) -> None:
    purse = budget(redis, project=300)
    asks = wishes(10)
    purse.give_back(asks)
    assert purse.room(NOW) == Room(60, 40)
    purse.take(asks, NOW)
    for _ in range(2):
        purse.give_back(asks)
        assert purse.room(NOW) == Room(60, 40)
    assert paid(purse.take(wishes(64), NOW)) == 60


def test_workers_do_not_spend_the_same_call(redis: Redis) -> None:
    purses = [budget(redis, project=300) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        spent = list(
            pool.map(lambda purse: sum(paid(purse.take(wishes(1), NOW)) for _ in range(20)), purses)
        )
    assert sum(spent) == 60


def test_a_worker_whose_clock_is_late_gains_nothing(redis: Redis) -> None:
    purse = budget(redis, project=300)
    assert paid(purse.take(wishes(100), NOW)) == 60
    assert paid(purse.take(wishes(100), NOW - timedelta(seconds=30))) == 0
    assert paid(purse.take(wishes(100), NOW + timedelta(seconds=1))) == 4


@ON_SERVERS
@given(
    project=st.integers(30, 200),
    person=st.integers(30, 100),
    asks=st.lists(
        st.tuples(st.integers(0, 20_000), st.sampled_from(PEOPLE), st.booleans()), max_size=60
    ),
)
@pytest.mark.usefixtures("redis")
def test_no_minute_sees_more_than_the_limits(
    redis: Redis, project: int, person: int, asks: list[tuple[int, uuid.UUID, bool]]
) -> None:
    redis.flushdb()
    purse = budget(redis, project=project, person=person)
    now, calls = NOW, []
    for pause, connection_id, wished in asks:
        now += timedelta(milliseconds=pause)
        waits = purse.take([Ask(connection_id, wished=wished)] * 5, now)
        calls += [(now, connection_id)] * paid(waits)
    for start, owner in calls:
        minute = [who for when, who in calls if start <= when < start + timedelta(minutes=1)]
        assert len(minute) <= project
        assert minute.count(owner) <= person
