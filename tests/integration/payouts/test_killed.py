"""Workers killed between any two steps from the claim to the end: every winner is paid once."""

import os
import random
from collections.abc import Callable
from itertools import count

import pytest

from domain import clock
from domain.payouts import claims
from domain.payouts.rails.manual import ManualRail
from models.rail import RailName
from tasks.paying import Paying
from tests.dying import died
from tests.integration.payouts.hostile import HostileRail
from tests.integration.payouts.mortal import begin, work
from tests.integration.payouts.purse import Purse
from tests.integration.payouts.remote import RemoteRail

WINNERS = 3
MOST_SURE = 25
"""Every run has at least so many steps."""


def check_killed_at(
    purse: Purse, rail: HostileRail, address: str, step: int, mood: Callable[[], str]
) -> bool:
    """Pay three winners with a death at one step; return whether that step was reached."""
    ids = purse.distributed([100] * WINNERS, rail=RailName.STRIPE)
    rail.mood = mood
    was_killed = died(begin(purse.url, address, step))
    rail.mood = lambda: "good"
    survivor = RemoteRail(address)
    with clock.moved(3 * claims.LEASE):
        work(Paying(purse.unit, {survivor.name: survivor}))
    assert {str(purse.row(one).status) for one in ids} == {"paid"}
    paid = [order.payout for order, _, _ in rail.carried.values() if order.payout in set(ids)]
    assert sorted(paid) == sorted(ids)
    purse.verify()
    return was_killed


def losing_every_other() -> Callable[[], str]:
    """Return moods of a rail that loses every other answer."""
    turn = count()
    return lambda: "lost" if next(turn) % 2 else "good"


def test_a_worker_killed_at_some_steps(purse: Purse, rail: HostileRail, address: str) -> None:
    for step in random.Random(os.getpid()).sample(range(1, MOST_SURE), 3):
        assert check_killed_at(purse, rail, address, step, losing_every_other())


@pytest.mark.soak
@pytest.mark.parametrize("mood", ["good", "lost", "not done"])
def test_a_worker_killed_at_every_step(
    purse: Purse, rail: HostileRail, address: str, mood: str
) -> None:
    def first_time() -> Callable[[], str]:
        turn = count()
        return lambda: mood if next(turn) < WINNERS else "good"

    steps = count(1)
    while check_killed_at(purse, rail, address, step := next(steps), first_time()):
        pass
    assert step > MOST_SURE


def check_the_list(purse: Purse, address: str, step: int) -> bool:
    """The same on the manual rail, which calls nobody."""
    by_hand = ManualRail()
    ids = purse.distributed([100] * WINNERS, rail=by_hand.name)
    was_killed = died(begin(purse.url, address, step))
    with clock.moved(3 * claims.LEASE):
        work(Paying(purse.unit, {by_hand.name: by_hand}))
    rows = [purse.row(one) for one in ids]
    assert {str(row.status) for row in rows} == {"accepted"}
    assert len({row.reference for row in rows}) == WINNERS
    purse.verify()
    return was_killed


def test_a_worker_killed_at_some_step_of_the_list(purse: Purse, address: str) -> None:
    assert check_the_list(purse, address, random.Random(os.getpid()).randrange(1, MOST_SURE))


@pytest.mark.soak
def test_a_worker_killed_at_every_step_of_the_list(purse: Purse, address: str) -> None:
    steps = count(1)
    while check_the_list(purse, address, next(steps)):
        pass
