"""What goes on the manual rail's list at once: the same as step by step, within the same bounds."""

import uuid
from dataclasses import asdict
from typing import Any

import pytest
from sqlalchemy import text

from domain import clock
from domain.payouts import claims, enlisting, gate, outcomes
from domain.payouts.manual_lists import Came, Reception, Word, hear
from domain.payouts.outcomes import Answer
from domain.payouts.rails.manual import ManualRail
from domain.payouts.row import OPERATOR, Step
from domain.payouts.states import Action
from domain.payouts.steps import take
from models.payout import HoldReason, PayoutStatus
from models.rail import RailName
from tasks.paying import Paying
from tests.integration.payouts.obstacles import AUTOMATIC, hinder
from tests.integration.payouts.purse import Purse
from tests.integration.payouts.together import at_once
from worker.unit import Unit

OF_EACH = {"id", "competition_id", "person_id", "destination", "reference"}
MOVED = text(
    """
    SELECT t.kind, t.posted_at, t.entries, t.reason, a.kind AS account, e.amount,
           a.person_id = p.person_id AS is_theirs, a.rail, s.number, s.action, s.before, s.after,
           s.happened_at, s.attempt, s.actor, s.code, s.detail
    FROM payout p JOIN payout_step s ON s.payout_id = p.id
    LEFT JOIN ledger_transaction t ON t.key = 'payout:' || p.id || ':' || s.number
    LEFT JOIN ledger_entry e ON e.transaction_id = t.id
    LEFT JOIN ledger_account a ON a.id = e.account_id
    WHERE p.id = :id ORDER BY s.number, e.amount
    """
)


def enlist(unit: Unit) -> int:
    return enlisting.enlist(unit.session, RailName.MANUAL, 100, clock.now())


def by_steps(purse: Purse, payout_id: uuid.UUID) -> None:
    """Claim, send, accept and settle one as if its rail were somebody else's."""
    now, rail = clock.now(), ManualRail()
    with purse.unit() as unit:
        (claim,) = claims.claim(unit.session, [rail.name], 1, now).claims
        outcomes.record(unit.session, [Answer(claim, rail.send(claim.order))], now)
        settle = Step(payout_id, Action.SETTLE, OPERATOR, reference=claim.order.key)
        assert take(unit.session, [settle], now)


def became(purse: Purse, payout_id: uuid.UUID) -> tuple[dict[str, Any], list[Any]]:
    """Return all that is written of a payout, but for what is its own."""
    row = purse.row(payout_id)
    assert row.reference == claims.key_of(row)
    assert row.destination == f"acct_{row.person_id}"
    with purse.unit() as unit:
        moved = list(unit.session.execute(MOVED, {"id": payout_id}))
    return {name: one for name, one in asdict(row).items() if name not in OF_EACH}, moved


def test_it_comes_to_the_same_as_step_by_step(
    purse: Purse, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    (first,) = purse.distributed([100])
    by_steps(purse, first)
    (second,) = purse.distributed([100])
    with purse.unit() as unit:
        assert enlist(unit) == 1
        word = Word(f"payout:{second}:1", 100, "EUR", Came.PAID)
        assert hear(unit.session, [word], clock.now()) == {word: Reception.TAKEN}
    assert became(purse, second) == became(purse, first)
    purse.verify()


def test_several_at_the_same_time_share_the_work(purse: Purse) -> None:
    purse.distributed([10] * 12)
    assert sorted(at_once(purse, [enlist] * 4), key=str) == [0, 0, 0, 12]
    assert purse.counts() == {"accepted": 12}
    purse.verify()


def test_several_currencies(purse: Purse) -> None:
    purse.distributed([60, 40])
    purse.distributed([7], currency="JPY")
    with purse.unit() as unit:
        assert enlist(unit) == 3
    purse.verify()


def test_the_stop_switch_and_limits_hold(purse: Purse) -> None:
    paying = Paying(purse.unit, {RailName.MANUAL: ManualRail()})
    purse.distributed([60, 60])
    with purse.unit() as unit:
        gate.stop(unit.session, "something is odd", clock.now())
    assert not paying.pay()
    with purse.unit() as unit:
        gate.resume(unit.session)
        gate.limit(unit.session, "EUR", 100, None, clock.now())
    while paying.pay():
        pass
    assert purse.counts() == {"accepted": 1, "pending": 1}
    purse.verify()


@pytest.mark.parametrize("reason", AUTOMATIC)
def test_what_has_an_obstacle_is_left_to_claims(purse: Purse, reason: HoldReason) -> None:
    ids = purse.distributed([10] * 3)
    hinder(purse, ids[1], reason)
    with purse.unit() as unit:
        assert enlist(unit) == 2
    assert [str(purse.row(one).status) for one in ids] == ["accepted", "pending", "accepted"]
    purse.verify()


def test_what_has_a_past_is_left_to_claims(purse: Purse) -> None:
    (payout_id,) = purse.distributed([10])
    assert purse.act(payout_id, Action.HOLD)
    assert purse.act(payout_id, Action.RELEASE)
    with purse.unit() as unit:
        assert enlist(unit) == 0
    assert Paying(purse.unit, {RailName.MANUAL: ManualRail()}).pay()
    assert purse.row(payout_id).status is PayoutStatus.ACCEPTED


def test_a_word_that_does_not_fit_settles_nothing(purse: Purse) -> None:
    (payout_id,) = purse.distributed([10])
    said = {
        Word(f"payout:{payout_id}:1", 11, "EUR", Came.PAID): Reception.OTHER_AMOUNT,
        Word(f"payout:{payout_id}:2", 10, "EUR", Came.PAID): Reception.NO_SUCH_LINE,
    }
    with purse.unit() as unit:
        enlist(unit)
        assert hear(unit.session, list(said), clock.now()) == said
        right = Word(f"payout:{payout_id}:1", 10, "EUR", Came.PAID)
        assert hear(unit.session, [right], clock.now()) == {right: Reception.TAKEN}
        assert hear(unit.session, [right], clock.now()) == {right: Reception.KNOWN}
    assert purse.steps(payout_id) == ["claim", "accept", "settle"]
