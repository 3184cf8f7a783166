"""Due payouts are claimed once, within limits, and held when something stands in their way."""

from datetime import timedelta

import pytest

from domain import clock
from domain.payouts import claims, gate
from domain.payouts.states import Action
from models.payout import HoldReason, PayoutStatus
from models.rail import RailName
from tests.integration.payouts.obstacles import AUTOMATIC, hinder
from tests.integration.payouts.purse import Purse
from tests.integration.payouts.together import at_once
from worker.unit import Unit

RAILS = list(RailName)
DAY = timedelta(days=1)


def claim(unit: Unit) -> claims.Claimed:
    return claims.claim(unit.session, RAILS, 3, clock.now())


def test_claims_at_the_same_time_share_the_work(purse: Purse) -> None:
    ids = purse.distributed([10] * 12)
    done = at_once(purse, [claim] * 6)
    claimed = [some for some in done if isinstance(some, claims.Claimed)]
    found = [one.order.payout for some in claimed for one in some.claims]
    assert len(found) == len(set(found)) == 12
    assert set(found) == set(ids)
    assert purse.counts() == {"sending": 12}
    purse.verify()


def test_key_and_amount_are_committed_with_the_claim(purse: Purse) -> None:
    (payout_id,) = purse.distributed([1250])
    (claimed,) = purse.claim()
    order, row = claimed.order, purse.row(payout_id)
    assert (order.key, order.amount, order.currency) == (f"payout:{payout_id}:1", 1250, "EUR")
    assert order.destination == row.destination == f"acct_{row.person_id}"
    assert (row.status, row.lease_token) == (PayoutStatus.SENDING, claimed.lease)


def test_the_stop_switch_holds_at_once(purse: Purse) -> None:
    purse.distributed([10] * 2)
    with purse.unit() as unit:
        gate.stop(unit.session, "something is odd", clock.now())
    assert purse.claim() == []
    with purse.unit() as unit:
        assert not claims.any_due(unit.session, clock.now())
        gate.resume(unit.session)
    assert len(purse.claim()) == 2


def test_a_lost_worker_leaves_a_doubt(purse: Purse) -> None:
    (payout_id,) = purse.distributed([10])
    purse.claim()
    with purse.unit() as unit:
        assert claims.give_up_lost(unit.session, 10, clock.now()) == 0
    with clock.moved(claims.LEASE), purse.unit() as unit:
        assert claims.give_up_lost(unit.session, 10, clock.now()) == 1
    assert purse.row(payout_id).status is PayoutStatus.UNKNOWN
    assert purse.row(payout_id).failure_code == "worker_lost"
    purse.verify()


def limit(purse: Purse, per_day: int | None, per_person_day: int | None = None) -> None:
    with purse.unit() as unit:
        gate.limit(unit.session, "EUR", per_day, per_person_day, clock.now())


def test_a_days_limit_is_never_passed(purse: Purse) -> None:
    purse.distributed([40] * 5)
    limit(purse, 100)
    at_once(purse, [claim] * 4)
    assert purse.counts() == {"sending": 2, "pending": 3}
    assert purse.claim() == []
    with clock.moved(DAY):
        assert len(purse.claim()) == 2
    with clock.moved(2 * DAY):
        assert len(purse.claim()) == 1


def test_what_surely_did_not_leave_is_not_counted(purse: Purse) -> None:
    ids = purse.distributed([60] * 2)
    limit(purse, 100)
    (first,) = purse.claim()
    assert purse.act(first.order.payout, Action.REFUSE)
    limit(purse, 100)
    (second,) = purse.claim()
    assert {first.order.payout, second.order.payout} == set(ids)


def test_a_higher_limit_lets_out_what_waited(purse: Purse) -> None:
    purse.distributed([60] * 2)
    limit(purse, 100)
    assert len(purse.claim()) == 1
    limit(purse, 120)
    assert len(purse.claim()) == 1


def test_a_limit_for_each_person(purse: Purse) -> None:
    ids = purse.distributed([70, 20])
    limit(purse, None, 50)
    assert [one.order.amount for one in purse.claim()] == [20]
    row = purse.row(ids[0])
    assert (row.status, row.hold_reason) == (PayoutStatus.HELD, HoldReason.OPERATOR)


def test_people_share_a_day_but_not_their_own_limit(purse: Purse) -> None:
    won = purse.won([30, 30])
    again = purse.won([30], people=won.people[:1])
    purse.distribute(won.competition.id)
    purse.distribute(again.competition.id)
    limit(purse, 1000, 50)
    assert len(purse.claim()) == 2
    with clock.moved(DAY):
        assert len(purse.claim()) == 1


@pytest.mark.parametrize("reason", AUTOMATIC)
def test_an_obstacle_holds_its_own_payout_only(purse: Purse, reason: HoldReason) -> None:
    ids = purse.distributed([10] * 3)
    hinder(purse, ids[1], reason)
    rails = [RailName.MANUAL]
    assert [one.order.payout for one in purse.claim(rails=rails)] == [ids[0], ids[2]]
    assert purse.row(ids[1]).hold_reason is reason
    purse.verify()
