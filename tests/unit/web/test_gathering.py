"""Questions that are asked together."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from web.gathering import MOST, Gathering

PATIENCE_S = 60.0
TOO_MUCH = 13


class Oracle:
    """Doubles numbers when it is let, and remembers what it was asked at once."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.open = threading.Event()
        self.open.set()

    def ask(self, numbers: Sequence[int]) -> list[int]:
        """Answer, or fail for all if one is too much."""
        self.asked.append(list(numbers))
        assert self.open.wait(PATIENCE_S)
        if TOO_MUCH in numbers:
            raise ValueError("too much")
        return [number * 2 for number in numbers]


@contextmanager
def crowd(
    oracle: Oracle, gathering: Gathering[int, int], numbers: range
) -> Iterator[list[Future[int]]]:
    """Ask for the first of these alone, and for all others while it is under way."""
    oracle.open.clear()
    with ThreadPoolExecutor(len(numbers)) as pool:
        asking = []
        for number in numbers:
            asking.append(pool.submit(gathering.ask, number))
            deadline = time.monotonic() + PATIENCE_S
            while gathering.waiting < len(asking) or not oracle.asked:
                assert time.monotonic() < deadline, "waited in vain"
                time.sleep(0.001)
        oracle.open.set()
        yield asking


def test_who_comes_alone_is_asked_for_alone() -> None:
    oracle = Oracle()
    gathering = Gathering(oracle.ask)
    assert [gathering.ask(number) for number in (1, 2)] == [2, 4]
    assert oracle.asked == [[1], [2]]
    assert gathering.waiting == 0


def test_who_comes_meanwhile_is_asked_for_at_once() -> None:
    oracle = Oracle()
    gathering = Gathering(oracle.ask)
    with crowd(oracle, gathering, range(8)) as asking:
        assert [one.result(PATIENCE_S) for one in asking] == [number * 2 for number in range(8)]
    assert oracle.asked == [[0], list(range(1, 8))]


def test_not_too_many_at_once() -> None:
    oracle = Oracle()
    gathering = Gathering(oracle.ask)
    numbers = range(100, 102 + MOST)
    with crowd(oracle, gathering, numbers) as asking:
        assert [one.result(PATIENCE_S) for one in asking] == [number * 2 for number in numbers]
    assert [len(together) for together in oracle.asked] == [1, MOST, 1]


def test_a_failure_is_of_those_who_asked_and_of_nobody_after_them() -> None:
    oracle = Oracle()
    gathering = Gathering(oracle.ask)
    with crowd(oracle, gathering, range(10, 15)) as asking:
        first, *others = asking
        assert first.result(PATIENCE_S) == 20
        for one in others:
            with pytest.raises(ValueError, match="too much"):
                one.result(PATIENCE_S)
    assert gathering.ask(3) == 6


def test_the_questions_of_one_who_was_killed_are_left_to_the_next() -> None:
    class Killed(BaseException):
        """As gevent ends a greenlet."""

    def ask(numbers: Sequence[int]) -> list[int]:
        asked.append(list(numbers))
        if len(asked) == 1:
            raise Killed
        return list(numbers)

    asked: list[list[int]] = []
    gathering = Gathering(ask)
    with pytest.raises(Killed):
        gathering.ask(1)
    assert gathering.ask(2) == 2
    assert asked == [[1], [1, 2]]
    assert gathering.waiting == 0
