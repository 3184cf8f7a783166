"""Adjustments that were approved before payouts heeded any: carried out late, and once."""

import uuid
from functools import partial
from itertools import count

import pytest
from sqlalchemy import func, select

from domain import clock
from domain.database import make_engine
from domain.errors import Conflict, NotFound
from domain.ledger.checks import Check
from domain.ledger.verify import verify
from domain.payouts.adjusting import make_up_for
from domain.payouts.row import OPERATOR
from domain.payouts.states import Action
from models import Payout
from models.payout import PayoutStatus
from tests.dying import Step, dies, watch
from tests.integration.payouts.admins import Admins
from tests.integration.payouts.purse import Purse
from tests.integration.payouts.together import at_once
from worker.unit import Unit, unit_of_work

LATE = [25, -40, -100]
MOST_SURE = 5
"""Each takes at least so many steps."""


def make_up(adjustment_id: uuid.UUID, unit: Unit) -> bool:
    return make_up_for(unit.session, adjustment_id, OPERATOR, clock.now())


def found(purse: Purse) -> set[Check]:
    with purse.unit() as unit:
        return {one.check for one in verify(unit.session).findings}


def carried(purse: Purse, payout_id: uuid.UUID) -> int:
    """Return what the payouts of the same winner carry."""
    same = select(func.sum(Payout.amount)).filter_by(person_id=purse.row(payout_id).person_id)
    with purse.unit() as unit:
        return int(unit.session.scalars(same).one())


@pytest.mark.parametrize("amount", LATE)
def test_it_is_carried_out_once(purse: Purse, admins: Admins, amount: int) -> None:
    (payout_id,) = purse.distributed([100])
    adjustment_id = admins.approved_of_old(payout_id, amount)
    assert Check.ADJUSTMENT in found(purse)
    for lacked in (True, False):
        with purse.unit() as unit:
            assert make_up(adjustment_id, unit) is lacked
        assert carried(purse, payout_id) == 100 + amount
        purse.verify()


@pytest.mark.parametrize("amount", LATE)
def test_several_at_once(purse: Purse, admins: Admins, amount: int) -> None:
    (payout_id,) = purse.distributed([100])
    adjustment_id = admins.approved_of_old(payout_id, amount)
    done = at_once(purse, [partial(make_up, adjustment_id)] * 4)
    assert sorted(done, key=str) == [False, False, False, True]
    assert carried(purse, payout_id) == 100 + amount
    purse.verify()


@pytest.mark.parametrize("amount", LATE)
def test_killed_at_every_step(purse: Purse, admins: Admins, amount: int) -> None:
    def killed_at(step: int) -> bool:
        (payout_id,) = purse.distributed([100])
        adjustment_id = admins.approved_of_old(payout_id, amount)

        def job(count_step: Step) -> None:
            engine = make_engine(purse.url, pool_size=1)
            watch(engine, count_step)
            with unit_of_work(engine) as unit:
                make_up(adjustment_id, unit)

        was_killed = dies(step, job)
        with purse.unit() as unit:
            make_up(adjustment_id, unit)
        assert carried(purse, payout_id) == 100 + amount
        purse.verify()
        return was_killed

    steps = count(1)
    while killed_at(step := next(steps)):
        pass
    assert step > MOST_SURE


def test_what_is_taken_back_in_parts_is_taken_once(purse: Purse, admins: Admins) -> None:
    (payout_id,) = purse.distributed([100])
    late = [admins.approved_of_old(payout_id, amount) for amount in (-10, -20)]
    admins.adjust(payout_id, -30)
    done = at_once(purse, [partial(make_up, one) for one in late])
    assert sorted(done, key=str) == [False, True]
    assert purse.row(payout_id).amount == 40
    purse.verify()


def test_what_has_left_must_come_back_first(purse: Purse, admins: Admins) -> None:
    (payout_id,) = purse.distributed([100])
    admins.approved_of_old(payout_id, 30)
    purse.bring([payout_id], PayoutStatus.PAID)
    late = admins.approved_of_old(payout_id, -30)
    with pytest.raises(Conflict) as caught, purse.unit() as unit:
        make_up(late, unit)
    assert caught.value.code == "prize_already_sent"
    assert purse.act(payout_id, Action.RETURN)
    with purse.unit() as unit:
        assert make_up(late, unit)
    assert purse.row(payout_id).amount == 70


def test_what_is_not_approved_is_not_carried_out(purse: Purse, admins: Admins) -> None:
    (payout_id,) = purse.distributed([100])
    _, proposed = admins.propose(payout_id, 25)
    with pytest.raises(Conflict) as caught, purse.unit() as unit:
        make_up(proposed, unit)
    assert caught.value.code == "adjustment_not_approved"
    with pytest.raises(NotFound), purse.unit() as unit:
        make_up(uuid.uuid4(), unit)
    purse.verify()
