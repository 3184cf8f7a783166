"""From a claim to the end: what each answer of a rail comes to."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from domain import clock
from domain.payouts import gate, held
from domain.payouts.accounts import Choice, choose
from domain.payouts.notices import Notice, hear
from domain.payouts.outcomes import ASK_AFTER
from domain.payouts.rails.base import Sent
from domain.payouts.rails.manual import ManualRail
from domain.payouts.row import OPERATOR
from domain.payouts.states import Action
from models import PayoutAccount
from models.payout import HoldReason, PayoutStatus
from models.rail import RailName
from tasks.paying import Paying
from tests.integration.payouts.hostile import HostileRail
from tests.integration.payouts.obstacles import AUTOMATIC, hinder, mend
from tests.integration.payouts.purse import Purse

STRIPE = RailName.STRIPE
DAY = timedelta(days=1)


@pytest.fixture
def paying(purse: Purse, rail: HostileRail) -> Paying:
    """The jobs, on the hostile rail and the manual one."""
    return Paying(purse.unit, {rail.name: rail, RailName.MANUAL: ManualRail()})


def carried(rail: HostileRail) -> list[tuple[object, int]]:
    """Return what the rail paid, by payout."""
    return sorted((order.payout, order.amount) for order, _, _ in rail.carried.values())


@pytest.mark.parametrize(
    ("mood", "status", "code"),
    [
        ("good", PayoutStatus.PAID, None),
        ("turned away", PayoutStatus.PENDING, "rail_not_reached"),
        ("throttled", PayoutStatus.PENDING, "vendor_throttled"),
        ("lost", PayoutStatus.UNKNOWN, "rail_outcome_unknown"),
        ("not done", PayoutStatus.UNKNOWN, "rail_outcome_unknown"),
        ("broken", PayoutStatus.UNKNOWN, "internal_error"),
        ("refused", PayoutStatus.FAILED, "vendor_refused"),
        ("not ready", PayoutStatus.HELD, "account_not_ready"),
    ],
)
def test_what_an_answer_comes_to(
    purse: Purse, paying: Paying, rail: HostileRail, mood: str, status: PayoutStatus, code: str
) -> None:
    (payout_id,) = purse.distributed([100], rail=STRIPE)
    rail.mood = lambda: mood
    assert paying.pay()
    row = purse.row(payout_id)
    assert (row.status, row.failure_code) == (status, code)
    purse.verify()
    rail.mood = lambda: "good"
    with clock.moved(DAY / 4):
        if status is PayoutStatus.FAILED:
            assert purse.act(payout_id, Action.RELEASE)
        if status is PayoutStatus.HELD:
            mend_ready(purse, row.person_id)
        while paying.look_after() | paying.ask() | paying.pay():
            if purse.row(payout_id).status is PayoutStatus.PAID:
                break
    assert purse.row(payout_id).status is PayoutStatus.PAID
    assert carried(rail) == [(payout_id, 100)]
    purse.verify()


def mend_ready(purse: Purse, person_id: int) -> None:
    """Let the rail say that an account is ready again, which the suspension had noted."""
    with purse.unit() as unit:
        account = unit.session.scalars(select(PayoutAccount).filter_by(person_id=person_id)).one()
        assert not account.ready
        account.ready = True


def test_an_accepted_order_is_settled_and_given_back_by_notices(
    purse: Purse, paying: Paying, rail: HostileRail
) -> None:
    rail.settles = False
    (payout_id,) = purse.distributed([100], rail=STRIPE)
    paying.pay()
    key = f"payout:{payout_id}:1"
    settled = Notice(key, Sent(f"tr_{key}", settled=True))
    back = Notice(key, Sent(f"tr_{key}", settled=True, returned=100))
    seen = []
    for notice in (settled, settled, back, back, settled):
        with purse.unit() as unit:
            hear(unit.session, {payout_id: notice}, clock.now())
        seen.append(str(purse.row(payout_id).status))
    assert seen == ["paid", "paid", "returned", "returned", "returned"]
    assert purse.steps(payout_id) == ["claim", "accept", "settle", "return"]
    assert purse.act(payout_id, Action.RELEASE)
    with purse.unit() as unit:
        hear(unit.session, {payout_id: back}, clock.now())
    assert purse.row(payout_id).status is PayoutStatus.PENDING
    paying.pay()
    assert [key[-2:] for key in rail.calls] == [":1", ":2"]
    purse.verify()


def test_a_notice_may_overtake_the_answer(purse: Purse, paying: Paying, rail: HostileRail) -> None:
    (payout_id,) = purse.distributed([100], rail=STRIPE)
    rail.mood = lambda: "lost"
    paying.pay()
    key = f"payout:{payout_id}:1"
    with purse.unit() as unit:
        back = Notice(key, Sent(f"tr_{key}", settled=True, returned=100))
        hear(unit.session, {payout_id: back}, clock.now())
    assert purse.steps(payout_id) == ["claim", "lose", "settle", "return"]
    purse.verify()


def test_nothing_is_resent_after_half_the_window(
    purse: Purse, paying: Paying, rail: HostileRail
) -> None:
    (payout_id,) = purse.distributed([100], rail=STRIPE)
    rail.mood = lambda: "not done"
    paying.pay()
    with clock.moved(DAY / 2):
        assert paying.ask()
        assert len(rail.calls) == 1
        assert purse.row(payout_id).status is PayoutStatus.UNKNOWN
        assert purse.act(payout_id, Action.DENY)
        rail.mood = lambda: "good"
        assert paying.pay()
    assert rail.calls == [f"payout:{payout_id}:1", f"payout:{payout_id}:2"]
    assert carried(rail) == [(payout_id, 100)]
    purse.verify()


def test_a_resend_bears_the_same_key(purse: Purse, paying: Paying, rail: HostileRail) -> None:
    (payout_id,) = purse.distributed([100], rail=STRIPE)
    rail.mood = lambda: "not done"
    paying.pay()
    with clock.moved(ASK_AFTER):
        assert paying.ask()
    assert rail.calls == [f"payout:{payout_id}:1"] * 2
    assert purse.row(payout_id).status is PayoutStatus.UNKNOWN
    assert purse.steps(payout_id) == ["claim", "lose", "resend", "lose"]


def test_nothing_is_resent_while_payouts_are_stopped(
    purse: Purse, paying: Paying, rail: HostileRail
) -> None:
    purse.distributed([100], rail=STRIPE)
    rail.mood = lambda: "not done"
    paying.pay()
    with purse.unit() as unit:
        gate.stop(unit.session, "something is odd", clock.now())
    with clock.moved(ASK_AFTER):
        assert paying.ask()
    assert len(rail.calls) == 1


@pytest.mark.parametrize("reason", AUTOMATIC)
def test_the_held_are_released_when_nothing_is_in_the_way(
    purse: Purse, paying: Paying, reason: HoldReason
) -> None:
    ids = purse.distributed([10] * 2)
    hinder(purse, ids[0], reason)
    rails = {RailName.MANUAL: ManualRail()}
    only_manual = Paying(purse.unit, rails)
    while only_manual.pay():
        pass
    with clock.moved(held.LOOK_EVERY):
        only_manual.look_after()
        assert purse.row(ids[0]).hold_reason is reason
        assert purse.counts() == {"held": 1, "accepted": 1}
    mend(purse, ids[0])
    with clock.moved(2 * held.LOOK_EVERY):
        only_manual.look_after()
        only_manual.pay()
    assert purse.counts() == {"accepted": 2}
    purse.verify()


def test_an_account_is_not_waited_for_once_it_is_there(purse: Purse, paying: Paying) -> None:
    won = purse.won([10], rail=None)
    (payout,) = purse.distribute(won.competition.id)
    paying.pay()
    paying.look_after()
    assert purse.row(payout).due_at > clock.now()
    with purse.unit() as unit:
        choice = Choice(RailName.MANUAL, "by post", ready=True, checked_at=None)
        choose(unit.session, won.people[0].id, choice, clock.now())
    paying.look_after()
    paying.pay()
    assert purse.counts() == {"accepted": 1}
    purse.verify()


@pytest.mark.parametrize("reason", [HoldReason.DISQUALIFIED, HoldReason.UNDER_REVIEW])
def test_an_operators_release_looks_past_what_is_known(
    purse: Purse, paying: Paying, reason: HoldReason
) -> None:
    (payout_id,) = purse.distributed([10])
    hinder(purse, payout_id, reason)
    paying.pay()
    assert purse.act(payout_id, Action.RELEASE, OPERATOR)
    paying.pay()
    assert purse.row(payout_id).status is PayoutStatus.ACCEPTED


def test_a_prize_that_nobody_comes_for_goes_back_to_the_pool(purse: Purse, paying: Paying) -> None:
    (payout_id,) = purse.distributed([10], rail=None)
    paying.pay()
    with clock.moved(held.LOOK_EVERY):
        paying.look_after()
    assert purse.row(payout_id).reminded_at is not None
    with clock.moved(held.UNCLAIMED_AFTER):
        paying.look_after()
    row = purse.row(payout_id)
    assert (row.status, row.forfeited_at is not None) == (PayoutStatus.RETURNED, True)
    purse.verify()


def test_what_an_operator_holds_is_left_alone(purse: Purse, paying: Paying) -> None:
    (payout_id,) = purse.distributed([10])
    assert purse.act(payout_id, Action.HOLD)
    with clock.moved(2 * held.UNCLAIMED_AFTER):
        paying.look_after()
        paying.pay()
    assert purse.steps(payout_id) == ["hold"]
