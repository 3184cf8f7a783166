"""What approved adjustments make of payouts: paid once, taken back once, and never below zero."""

import uuid

import pytest
from sqlalchemy import select, text

from domain import clock
from domain.errors import Conflict
from domain.ledger.accounts import Account
from domain.ledger.balances import balance
from domain.ledger.posting import reverse
from domain.payouts import claims, enlisting, held
from domain.payouts.manual_lists import open_lines
from domain.payouts.states import Action
from models import LedgerTransaction, Payout
from models.ledger import TransactionKind
from models.payout import PayoutStatus
from models.rail import RailName
from tests.integration.payouts.admins import Admins
from tests.integration.payouts.purse import Purse
from tests.integration.payouts.together import at_once

S, A = PayoutStatus, Action
HERE = {S.PENDING, S.HELD, S.FAILED, S.RETURNED}


def owed(purse: Purse, payout_id: uuid.UUID) -> int:
    """Return what a payout's winner is owed."""
    with purse.unit() as unit:
        return balance(unit.session, Account.payable("EUR", purse.row(payout_id).person_id))


def added(purse: Purse) -> list[uuid.UUID]:
    """Return the payouts of adjustments."""
    with purse.unit() as unit:
        found = select(Payout.id).where(Payout.adjustment_id.is_not(None))
        return list(unit.session.scalars(found.order_by(Payout.id)))


@pytest.mark.parametrize("status", [S.HELD, S.FAILED, S.RETURNED])
@pytest.mark.parametrize("action", [A.FORFEIT, A.RELEASE])
def test_what_was_adjusted_away_neither_goes_back_nor_leaves(
    purse: Purse, admins: Admins, status: PayoutStatus, action: Action
) -> None:
    (payout_id,) = purse.distributed([100])
    purse.bring([payout_id], status)
    admins.adjust(payout_id, -100)
    assert not purse.act(payout_id, action)
    assert purse.claim() == []
    assert owed(purse, payout_id) == 0
    purse.verify()


@pytest.mark.parametrize("status", S)
@pytest.mark.parametrize("amount", [-100, -40])
def test_it_takes_from_what_has_not_left(
    purse: Purse, admins: Admins, status: PayoutStatus, amount: int
) -> None:
    (payout_id,) = purse.distributed([100])
    purse.bring([payout_id], status)
    before = purse.row(payout_id)
    if status not in HERE:
        with pytest.raises(Conflict) as caught:
            admins.adjust(payout_id, amount)
        assert caught.value.code == "prize_already_sent"
        assert purse.row(payout_id) == before
    else:
        admins.adjust(payout_id, amount)
        row = purse.row(payout_id)
        assert row.amount == owed(purse, payout_id) == 100 + amount
        assert row.status is (status if row.amount else S.RETURNED)
        assert (row.forfeited_at is None) is bool(row.amount)
        with pytest.raises(Conflict):
            admins.adjust(payout_id, -1 - row.amount)
    purse.verify()


def test_a_key_that_may_be_known_is_used_for_no_other_amount(purse: Purse, admins: Admins) -> None:
    (payout_id,) = purse.distributed([100])
    purse.bring([payout_id], S.SENDING)
    assert purse.act(payout_id, A.POSTPONE)
    admins.adjust(payout_id, -30)
    (claim,) = purse.claim()
    assert (claim.order.key, claim.order.amount) == (f"payout:{payout_id}:2", 70)
    assert purse.act(payout_id, A.SETTLE)
    purse.verify()


def test_what_came_back_can_be_taken(purse: Purse, admins: Admins) -> None:
    (payout_id,) = purse.distributed([100])
    purse.bring([payout_id], S.PAID)
    with pytest.raises(Conflict):
        admins.adjust(payout_id, -60)
    assert purse.act(payout_id, A.RETURN)
    admins.adjust(payout_id, -60)
    assert purse.act(payout_id, A.RELEASE)
    purse.claim()
    assert purse.act(payout_id, A.SETTLE)
    assert purse.row(payout_id).amount == 40
    purse.verify()


def test_what_is_owed_is_paid_once(purse: Purse, admins: Admins) -> None:
    (payout_id,) = purse.distributed([100])
    purse.bring([payout_id], S.PAID)
    proposed = admins.propose(payout_id, 25)
    done = at_once(purse, [admins.approve(proposed)] * 4)
    assert not [one for one in done if isinstance(one, Exception)]
    (extra,) = added(purse)
    assert owed(purse, payout_id) == 25
    purse.verify()
    with purse.unit() as unit:
        assert enlisting.enlist(unit.session, RailName.MANUAL, 9, clock.now()) == 1
        (line,) = open_lines(unit.session, None, 9)
        assert (line.payout_id, line.amount, line.rank) == (extra, 25, 1)
    assert purse.act(extra, A.SETTLE)
    assert owed(purse, payout_id) == 0
    purse.verify()


def test_the_newest_are_taken_first(purse: Purse, admins: Admins) -> None:
    (payout_id,) = purse.distributed([100])
    admins.adjust(payout_id, 25)
    admins.adjust(payout_id, -30)
    (extra,) = added(purse)
    assert purse.row(extra).forfeited_at is not None
    assert purse.row(payout_id).amount == 95
    purse.verify()


def test_two_that_take_back_the_same(purse: Purse, admins: Admins) -> None:
    for _ in range(3):
        (payout_id,) = purse.distributed([100])
        proposed = [admins.propose(payout_id, -60) for _ in range(2)]
        done = at_once(purse, list(map(admins.approve, proposed)))
        (refused,) = [one for one in done if isinstance(one, Exception)]
        assert isinstance(refused, Conflict)
        assert owed(purse, payout_id) == purse.row(payout_id).amount == 40
    purse.verify()


def test_taking_back_and_sending_at_once(purse: Purse, admins: Admins) -> None:
    for _ in range(5):
        (payout_id,) = purse.distributed([100])
        away = admins.approve(admins.propose(payout_id, -100))
        at_once(
            purse,
            [
                away,
                lambda unit: claims.claim(unit.session, list(RailName), 9, clock.now()),
                lambda unit: enlisting.enlist(unit.session, RailName.MANUAL, 9, clock.now()),
                lambda unit: held.look(unit.session, list(RailName), 9, clock.now()),
            ],
        )
        assert owed(purse, payout_id) == 0
        assert purse.row(payout_id).amount in {0, 100}
    purse.verify()


def test_an_award_that_is_on_its_way_is_not_reversed(purse: Purse) -> None:
    (payout_id,) = purse.distributed([100])
    purse.bring([payout_id], S.SENDING)
    with purse.unit() as unit:
        award = select(LedgerTransaction.id).where(LedgerTransaction.kind == TransactionKind.AWARD)
        posted = unit.session.scalars(award).one()
    with pytest.raises(Conflict) as caught, purse.unit() as unit:
        reverse(unit.session, posted, "why", None, clock.now())
    assert caught.value.code == "payable_overdrawn"


@pytest.mark.parametrize(
    "change", ["amount = 1", "lowered = 5", "amount = 90, lowered = 10", "person_id = person_id"]
)
def test_the_database_keeps_what_a_payout_is_of(purse: Purse, change: str) -> None:
    (payout_id,) = purse.distributed([100])
    purse.bring([payout_id], S.SENDING)
    with pytest.raises(Exception, match="never changes"), purse.engine.begin() as connection:
        connection.execute(text(f"UPDATE payout SET {change}"))  # noqa: S608  our own text
    with pytest.raises(Exception, match="never changes"), purse.engine.begin() as connection:
        connection.execute(text("DELETE FROM payout"))
    with pytest.raises(Exception, match="of no payout"), purse.engine.begin() as connection:
        connection.execute(
            text("""
                INSERT INTO payout_step
                    (payout_id, number, action, before, after, happened_at, attempt, actor)
                VALUES (gen_random_uuid(), 1, 'hold', 'pending', 'held', now(), 0, 'clock')
            """)
        )
