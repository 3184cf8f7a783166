"""Workers that are killed at a step of their own.

Steps are before each statement, before and after each commit, and before a call of the rail, once
it is sent, and once it is answered.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count

from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from domain import clock
from domain.database import make_engine
from domain.payouts import claims
from domain.payouts.rails.manual import ManualRail
from tasks.paying import Paying
from tests.integration.payouts.remote import RemoteRail
from worker.unit import Unit, unit_of_work


def work(paying: Paying) -> None:
    """Do all that is due now, and then what is due a little later."""
    for later in (timedelta(0), claims.LEASE, 2 * claims.LEASE):
        with clock.moved(later):
            while paying.lay_out() | paying.look_after() | paying.ask() | paying.pay():
                pass


def start(url: str, rail_address: str, steps: int) -> int:
    """Let a process work that is killed at its step number `steps`; return its id."""
    child = os.fork()
    if child == 0:
        _work_counting(url, rail_address, steps)
    return child


def died(child: int) -> bool:
    """Wait for a process; say if it was killed before it had done everything."""
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def _work_counting(url: str, rail_address: str, steps: int) -> None:
    """In the child: never come back, so that nothing of the parent's is closed here."""
    status = 1
    try:
        taken = count(1)

        def step(*_: object) -> None:
            if next(taken) == steps:
                os.kill(os.getpid(), signal.SIGKILL)

        _work_on(url, rail_address, step)
        status = 0
    finally:
        if status:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _work_on(url: str, rail_address: str, step: Callable[..., None]) -> None:
    """Work until nothing is due; after each cut of a connection anew, as another job would."""
    engine = make_engine(url, pool_size=2)
    for name in ("before_cursor_execute", "commit"):
        event.listen(engine, name, step)

    @contextmanager
    def unit() -> Iterator[Unit]:
        with unit_of_work(engine) as unit:
            yield unit
        step()

    rail, by_hand = RemoteRail(rail_address, step), ManualRail()
    paying = Paying(unit, {rail.name: rail, by_hand.name: by_hand})
    while True:
        try:
            return work(paying)
        except OperationalError:
            continue
