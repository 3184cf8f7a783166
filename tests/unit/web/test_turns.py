"""Turns: one at a time for each key, few altogether, and nobody waits for long."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from domain.errors import Unavailable
from web.turns import Turns

FULL = Unavailable("full")


@contextmanager
def held(turns: Turns, *keys: str) -> Iterator[None]:
    """Hold these keys' turns in threads of their own."""
    let_go = threading.Event()
    taken = [threading.Event() for _ in keys]

    def hold(key: str, mine: threading.Event) -> None:
        with turns.take(key, FULL):
            mine.set()
            assert let_go.wait(60)

    with ThreadPoolExecutor(len(keys)) as pool:
        holders = [pool.submit(hold, key, mine) for key, mine in zip(keys, taken, strict=True)]
        try:
            assert all(mine.wait(60) for mine in taken)
            yield
        finally:
            let_go.set()
            for holder in holders:
                holder.result(20)


def taken(turns: Turns, key: str) -> bool:
    try:
        with turns.take(key, FULL):
            return True
    except Unavailable:
        return False


def test_one_key_does_not_hold_up_another() -> None:
    turns = Turns(at_once=2, longest=10, wait_seconds=0.02)
    with held(turns, "a"):
        assert not taken(turns, "a")
        assert taken(turns, "b")
    assert taken(turns, "a")


def test_few_are_let_in_altogether() -> None:
    turns = Turns(at_once=2, longest=10, wait_seconds=0.02)
    with held(turns, "a", "b"):
        assert not taken(turns, "c")
    assert taken(turns, "c")


def test_beyond_the_longest_queue_nobody_waits() -> None:
    turns = Turns(at_once=2, longest=1, wait_seconds=3600)
    with held(turns, "a"):
        assert not taken(turns, "a")


def test_a_turn_that_fails_is_given_on() -> None:
    turns = Turns(at_once=1, longest=1, wait_seconds=0.02)
    with pytest.raises(ZeroDivisionError), turns.take("a", FULL):
        raise ZeroDivisionError
    assert taken(turns, "a")


def test_many_at_once_are_served_one_by_one() -> None:
    turns, inside = Turns(at_once=4, longest=100, wait_seconds=20), 0

    def enter(_: int) -> int:
        nonlocal inside
        with turns.take("a", FULL):
            inside += 1
            seen = inside
            inside -= 1
            return seen

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(enter, range(200))) == {1}
