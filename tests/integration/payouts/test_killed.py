"""Workers killed between any two steps from the claim to the end: every winner is paid once."""

import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import event

from domain import clock
from domain.database import make_engine
from domain.payouts import claims
from models.rail import RailName
from tasks.paying import Paying
from tests.integration.payouts.hostile import HostileRail
from tests.integration.payouts.purse import Purse
from tests.integration.payouts.remote import RemoteRail, serving
from worker.unit import unit_of_work

WINNERS = 3
MOST_SURE = 25
"""Every run has at least so many steps."""


@pytest.fixture
def rail() -> HostileRail:
    """The rail, which outlives the killed."""
    return HostileRail()


@pytest.fixture
def rail_url(rail: HostileRail) -> Iterator[str]:
    """Where it is."""
    with serving(rail) as url:
        yield url


def work_and_die(url: str, rail_url: str, steps: int) -> bool:
    """Pay and ask in a process that is killed at its step number `steps`; say if it was.

    A step is a statement, a commit, and each side of a call of the rail.
    """
    child = os.fork()
    if child == 0:
        _work_counting(url, rail_url, steps)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def _work_counting(url: str, rail_url: str, steps: int) -> None:
    """In the child: never come back, so that nothing of the parent's is closed here."""
    status = 1
    try:
        taken = count(1)

        def step(*_: object) -> None:
            if next(taken) == steps:
                os.kill(os.getpid(), signal.SIGKILL)

        engine = make_engine(url, pool_size=2)
        for name in ("before_cursor_execute", "commit"):
            event.listen(engine, name, step)
        rail = RemoteRail(rail_url, before=step, after=step)
        work(Paying(lambda: unit_of_work(engine), {rail.name: rail}))
        status = 0
    finally:
        sys.stdout.flush()
        os._exit(status)


def work(paying: Paying) -> None:
    """Do all that is due now, and then what is due a little later."""
    for later in (timedelta(0), claims.LEASE, 2 * claims.LEASE):
        with clock.moved(later):
            while paying.lay_out() | paying.look_after() | paying.ask() | paying.pay():
                pass


def check_killed_at(
    purse: Purse, rail: HostileRail, rail_url: str, step: int, mood: Callable[[], str]
) -> bool:
    """Pay three winners with a death at one step; return whether that step was reached."""
    ids = purse.distributed([100] * WINNERS, rail=RailName.STRIPE)
    rail.mood = mood
    url = purse.engine.url.render_as_string(hide_password=False)
    died = work_and_die(url, rail_url, step)
    rail.mood = lambda: "good"
    survivor = RemoteRail(rail_url)
    with clock.moved(3 * claims.LEASE):
        work(Paying(purse.unit, {survivor.name: survivor}))
    assert {str(purse.row(one).status) for one in ids} == {"paid"}
    paid = [order.payout for order, _, _ in rail.carried.values() if order.payout in set(ids)]
    assert sorted(paid) == sorted(ids)
    purse.verify()
    return died


def losing_every_other() -> Callable[[], str]:
    """Return moods of a rail that loses every other answer."""
    turn = count()
    return lambda: "lost" if next(turn) % 2 else "good"


def test_a_worker_killed_at_some_steps(purse: Purse, rail: HostileRail, rail_url: str) -> None:
    for step in random.Random(os.getpid()).sample(range(1, MOST_SURE), 3):
        assert check_killed_at(purse, rail, rail_url, step, losing_every_other())


@pytest.mark.soak
@pytest.mark.parametrize("mood", ["good", "lost", "not done"])
def test_a_worker_killed_at_every_step(
    purse: Purse, rail: HostileRail, rail_url: str, mood: str
) -> None:
    def first_time() -> Callable[[], str]:
        turn = count()
        return lambda: mood if next(turn) < WINNERS else "good"

    steps = count(1)
    while check_killed_at(purse, rail, rail_url, step := next(steps), first_time()):
        pass
    assert step > MOST_SURE
