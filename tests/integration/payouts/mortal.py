"""Workers that are killed at a step of their own.

Steps are before each statement, before and after each commit, and before a call of the rail, once
it is sent, and once it is answered.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy.exc import OperationalError

from domain import clock
from domain.database import make_engine
from domain.payouts import claims
from domain.payouts.rails.manual import ManualRail
from tasks.paying import Paying
from tests.dying import Step, start, watch
from tests.integration.payouts.remote import RemoteRail
from worker.unit import Unit, unit_of_work


def work(paying: Paying) -> None:
    """Do all that is due now, and then what is due a little later."""
    for later in (timedelta(0), claims.LEASE, 2 * claims.LEASE):
        with clock.moved(later):
            while paying.lay_out() | paying.look_after() | paying.ask() | paying.pay():
                pass


def begin(url: str, rail_address: str, steps: int) -> int:
    """Let a process work that is killed at its step number `steps`; return its id."""
    return start(steps, lambda step: _work_on(url, rail_address, step))


def _work_on(url: str, rail_address: str, step: Step) -> None:
    """Work until nothing is due; after each cut of a connection anew, as another job would."""
    engine = make_engine(url, pool_size=2)
    watch(engine, step)

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
