"""A winner who is owed less than a payout carries: only that payout waits, the others are paid."""

import uuid
from collections.abc import Callable
from itertools import count

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from domain import clock
from domain.errors import Conflict
from domain.ledger.accounts import Account
from domain.ledger.balances import balance
from domain.ledger.checks import Check
from domain.ledger.keys import award_key
from domain.ledger.posting import reverse
from domain.ledger.verify import verify
from domain.payouts import claims, enlisting, held
from domain.payouts.adjusting import make_up_for
from domain.payouts.listing import story
from domain.payouts.rails.manual import ManualRail
from domain.payouts.row import OPERATOR
from domain.payouts.states import Action
from models import Award, LedgerTransaction, Payout
from models.payout import HoldReason, PayoutStatus
from models.rail import RailName
from tasks.paying import Paying
from tests.dying import died
from tests.integration.payouts.admins import Admins
from tests.integration.payouts.hostile import HostileRail
from tests.integration.payouts.mortal import begin
from tests.integration.payouts.purse import Purse
from tests.integration.payouts.together import at_once
from worker.unit import Unit

S = PayoutStatus
GONE = {RailName.STRIPE: S.PAID, RailName.MANUAL: S.ACCEPTED}
"""What becomes of payouts on each rail."""
MOST_SURE = 25
"""Every run has at least so many steps."""


@pytest.fixture
def paying(purse: Purse, rail: HostileRail) -> Paying:
    return Paying(purse.unit, {rail.name: rail, RailName.MANUAL: ManualRail()})


def pay(paying: Paying) -> None:
    while paying.pay():
        pass


def statuses(purse: Purse, ids: list[uuid.UUID]) -> list[PayoutStatus]:
    return [purse.row(one).status for one in ids]


def check_only_adjustments_differ(purse: Purse) -> None:
    with purse.unit() as unit:
        assert {one.check for one in verify(unit.session).findings} <= {Check.ADJUSTMENT}


@pytest.mark.parametrize("rail_name", GONE)
def test_the_one_in_the_middle(
    purse: Purse, admins: Admins, paying: Paying, rail: HostileRail, rail_name: RailName
) -> None:
    ids = purse.distributed([100] * 3, rail=rail_name)
    late = admins.approved_of_old(ids[1], -30)
    gone = GONE[rail_name]
    with capture_logs() as logs:
        pay(paying)
    told = [one["payout_id"] for one in logs if one["event"] == "payout.overdrawing"]
    assert told == [str(ids[1])]
    for _ in range(2):
        assert statuses(purse, ids) == [gone, S.HELD, gone]
        assert len(rail.calls) == (2 if rail_name is rail.name else 0)
        check_only_adjustments_differ(purse)
        pay(paying)
    row = purse.row(ids[1])
    assert (row.hold_reason, row.sent_at) == (HoldReason.OPERATOR, None)
    with purse.unit() as unit:
        _, (step,) = story(unit.session, row.id)
    assert (step.code, step.detail) == ("payable_overdrawn", "Its winner is owed less than that.")
    assert purse.act(ids[1], Action.RELEASE)
    pay(paying)
    assert purse.steps(ids[1]) == ["hold", "release", "hold"]
    with purse.unit() as unit:
        assert make_up_for(unit.session, late, OPERATOR, clock.now())
    assert purse.act(ids[1], Action.RELEASE)
    pay(paying)
    assert statuses(purse, ids) == [gone] * 3
    assert purse.row(ids[1]).amount == 70
    purse.verify()


@pytest.mark.parametrize("rail_name", GONE)
def test_what_is_owed_reaches_for_the_first_of_two(
    purse: Purse, admins: Admins, paying: Paying, rail_name: RailName
) -> None:
    won = purse.won([100, 50], rail=rail_name)
    again = purse.won([60, 40], people=won.people)
    ids = purse.distribute(won.competition.id) + purse.distribute(again.competition.id)
    admins.approved_of_old(ids[0], -1)
    pay(paying)
    gone = GONE[rail_name]
    assert statuses(purse, ids) == [gone, gone, S.HELD, gone]
    check_only_adjustments_differ(purse)


@pytest.mark.parametrize("rail_name", GONE)
def test_killed_at_each_sixth_step(
    purse: Purse,
    admins: Admins,
    paying: Paying,
    rail: HostileRail,
    address: str,
    rail_name: RailName,
) -> None:
    steps = count(1, 6)
    was_killed = True
    while was_killed:
        ids = purse.distributed([100] * 3, rail=rail_name)
        admins.approved_of_old(ids[1], -30)
        was_killed = died(begin(purse.url, address, step := next(steps)))
        with clock.moved(3 * held.LOOK_EVERY):
            while paying.look_after() | paying.ask() | paying.pay():
                pass
        assert statuses(purse, ids) == [GONE[rail_name], S.HELD, GONE[rail_name]]
        check_only_adjustments_differ(purse)
        sent = [order.payout for order, _, _ in rail.carried.values() if order.payout in set(ids)]
        assert len(sent) == len(set(sent)) == (2 if rail_name is rail.name else 0)
    assert step > MOST_SURE


def test_what_nobody_comes_for_goes_back_for_the_others(
    purse: Purse, admins: Admins, paying: Paying
) -> None:
    ids = purse.distributed([10] * 3, rail=None)
    admins.approved_of_old(ids[1], -3)
    pay(paying)
    with clock.moved(held.LOOK_EVERY):
        paying.look_after()
    for _ in range(2):
        with clock.moved(held.UNCLAIMED_AFTER):
            paying.look_after()
        assert statuses(purse, ids) == [S.RETURNED, S.HELD, S.RETURNED]
        assert purse.row(ids[1]).hold_reason is HoldReason.OPERATOR
        check_only_adjustments_differ(purse)


def reversal(purse: Purse, payout_id: uuid.UUID) -> Callable[[Unit], object]:
    """Return what reverses the award of a payout."""
    with purse.unit() as unit:
        award = select(Award.id).join(Payout).where(Payout.id == payout_id)
        key = award_key(unit.session.scalars(award).one())
        posted = select(LedgerTransaction.id).filter_by(key=key)
        transaction_id = unit.session.scalars(posted).one()
    return lambda unit: reverse(unit.session, transaction_id, "why", None, clock.now())


def claim(unit: Unit) -> object:
    return claims.claim(unit.session, list(RailName), 9, clock.now())


def enlist(unit: Unit) -> object:
    return enlisting.enlist(unit.session, RailName.MANUAL, 9, clock.now())


@pytest.mark.parametrize(
    ("rail_name", "send", "sent", "not_sent"),
    [(RailName.STRIPE, claim, S.SENDING, S.HELD), (RailName.MANUAL, enlist, S.ACCEPTED, S.PENDING)],
)
def test_an_award_that_is_reversed_as_it_is_sent(
    purse: Purse,
    rail_name: RailName,
    send: Callable[[Unit], object],
    sent: PayoutStatus,
    not_sent: PayoutStatus,
) -> None:
    for _ in range(4):
        (payout_id,) = purse.distributed([100], rail=rail_name)
        reversed_, _ = at_once(purse, [reversal(purse, payout_id), send])
        refused = isinstance(reversed_, Conflict)
        assert purse.row(payout_id).status is (sent if refused else not_sent)
        if not refused:
            assert purse.act(payout_id, Action.HOLD)
        with purse.unit() as unit:
            payable = Account.payable("EUR", purse.row(payout_id).person_id)
            assert balance(unit.session, payable) == 0
