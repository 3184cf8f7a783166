"""A vendor that answers nobody is left alone."""

from datetime import UTC, datetime, timedelta

from domain.fitness.circuit import FAILURES, PROBE, PROBE_SIZE, STAYS_OPEN, WINDOW, Circuit
from domain.redis import Redis
from models.connection import Provider

NOW = datetime(2026, 3, 2, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)


def opened(redis: Redis) -> Circuit:
    circuit = Circuit(redis, Provider.GOOGLE_FIT)
    assert circuit.tell(answered=False, failures=FAILURES, now=NOW)
    return circuit


def test_it_opens_after_failures_in_a_row_by_whomever(redis: Redis) -> None:
    mine, anothers = Circuit(redis, Provider.GOOGLE_FIT), Circuit(redis, Provider.GOOGLE_FIT)
    assert not mine.tell(answered=False, failures=FAILURES - 1, now=NOW)
    assert mine.most(NOW) is None
    assert anothers.tell(answered=False, failures=1, now=NOW)
    assert mine.most(NOW) == 0
    assert mine.most(NOW + STAYS_OPEN - MOMENT) == 0


def test_any_answer_begins_the_count_anew(redis: Redis) -> None:
    circuit = Circuit(redis, Provider.GOOGLE_FIT)
    circuit.tell(answered=False, failures=FAILURES - 1, now=NOW)
    circuit.tell(answered=True, failures=50, now=NOW)
    assert not circuit.tell(answered=False, failures=FAILURES - 1, now=NOW)


def test_old_failures_are_forgotten(redis: Redis) -> None:
    circuit = Circuit(redis, Provider.GOOGLE_FIT)
    circuit.tell(answered=False, failures=FAILURES - 1, now=NOW)
    assert not circuit.tell(answered=False, failures=1, now=NOW + WINDOW + MOMENT)


def test_one_probes_and_the_others_wait(redis: Redis) -> None:
    circuit = opened(redis)
    then = NOW + STAYS_OPEN
    assert [circuit.most(then) for _ in range(3)] == [PROBE_SIZE, 0, 0]
    circuit.tell(answered=True, failures=0, now=then)
    assert circuit.most(then) is None


def test_a_failed_probe_opens_it_again(redis: Redis) -> None:
    circuit = opened(redis)
    then = NOW + STAYS_OPEN
    circuit.most(then)
    assert circuit.tell(answered=False, failures=1, now=then)
    assert circuit.most(then + STAYS_OPEN - MOMENT) == 0
    assert circuit.most(then + STAYS_OPEN) == PROBE_SIZE


def test_a_probe_that_is_not_heard_of_again_is_followed_by_another(redis: Redis) -> None:
    circuit = opened(redis)
    then = NOW + STAYS_OPEN
    assert circuit.most(then) == PROBE_SIZE
    assert circuit.most(then + PROBE - MOMENT) == 0
    assert circuit.most(then + PROBE) == PROBE_SIZE


def test_a_probe_that_had_nobody_to_pull_tells_nothing(redis: Redis) -> None:
    circuit = opened(redis)
    then = NOW + STAYS_OPEN
    circuit.most(then)
    assert not circuit.tell(answered=False, failures=0, now=then)
    assert circuit.most(then) == 0
