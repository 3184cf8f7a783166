"""Everyone at one payout at once: operators, rails and the clock, in real transactions."""

import uuid
from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from domain import clock, webhooks
from domain.competitions import life
from domain.errors import Conflict
from domain.payouts import claims, held
from domain.payouts.claims import key_of
from domain.payouts.manual_lists import Came, Reception, Word
from domain.payouts.manual_lists import hear as hear_by_hand
from domain.payouts.notices import Notice, hear
from domain.payouts.rails.base import Sent
from domain.payouts.states import Action, after
from domain.payouts.steps import take_one
from domain.webhooks import Vendor
from models import LedgerTransaction, PayoutStep, Transition
from models.competition import CompetitionStatus
from models.ledger import TransactionKind
from models.payout import PayoutStatus
from models.rail import RailName
from tests.integration.payouts.purse import Purse, step
from tests.integration.payouts.together import at_once
from tests.integration.prizes.promised import PODIUM, Promised
from worker.unit import Unit

S = PayoutStatus


ALONE = [one for one in Action if one is not Action.WITHDRAW]
"""An adjustment that takes all has a posting of its own: see `test_adjusting`."""


def press(payout_id: uuid.UUID, action: Action) -> Callable[[Unit], object]:
    """Return what an operator does, or a rail or the clock where the action is theirs."""
    return lambda unit: take_one(unit.session, step(payout_id, action), clock.now())


def check_story(purse: Purse, payout_id: uuid.UUID) -> list[str]:
    """Check that each step led on from where the one before it had come; return the actions."""
    with Session(purse.engine) as session:
        found = select(PayoutStep).filter_by(payout_id=payout_id).order_by(PayoutStep.number)
        steps = session.scalars(found).all()
    assert [one.number for one in steps] == list(range(1, len(steps) + 1))
    status, unsure, actions = S.PENDING, False, list[str]()
    for one in steps:
        assert one.before == status
        led = after(status, Action(one.action), unsure=unsure)
        assert led is not None
        assert one.after == led
        status, unsure = led, led is S.UNKNOWN or one.action == Action.RESEND
        actions.append(one.action)
    assert purse.row(payout_id).status is status
    return actions


@pytest.mark.parametrize(
    ("status", "action"),
    [
        (S.HELD, Action.RELEASE),
        (S.FAILED, Action.RELEASE),
        (S.RETURNED, Action.RELEASE),
        (S.RETURNED, Action.FORFEIT),
        (S.UNKNOWN, Action.DENY),
    ],
)
def test_a_button_that_all_press_at_once_has_one_effect(
    purse: Purse, status: S, action: Action
) -> None:
    (payout_id,) = purse.distributed([100])
    purse.bring([payout_id], status)
    before = purse.steps(payout_id)
    done = at_once(purse, [press(payout_id, action)] * 6)
    refused = [one for one in done if isinstance(one, Exception)]
    assert [type(one) for one in refused] == [Conflict] * 5
    assert purse.steps(payout_id) == [*before, action]
    purse.verify()


def test_all_buttons_of_everyone_at_once_make_one_story(purse: Purse) -> None:
    ids = dict(zip(S, purse.distributed([100] * len(S)), strict=True))
    for status, payout_id in ids.items():
        purse.bring([payout_id], status)
        before = len(purse.steps(payout_id))
        done = at_once(purse, [press(payout_id, action) for action in ALONE])
        refused = [one for one in done if isinstance(one, Exception)]
        assert {type(one) for one in refused} <= {Conflict}
        assert len(check_story(purse, payout_id)) - before == len(done) - len(refused)
    purse.verify()


def test_what_is_denied_and_told_at_once_is_only_one_of_both(purse: Purse) -> None:
    """If the rail's word comes first, nothing is sent again; if it comes late, it is not lost."""
    for _ in range(5):
        (payout_id,) = purse.distributed([100])
        purse.bring([payout_id], S.UNKNOWN)
        said = Notice(key_of(purse.row(payout_id)), Sent(f"payout:{payout_id}:1", settled=True))
        told = {payout_id: said}
        at_once(
            purse,
            [
                press(payout_id, Action.DENY),
                lambda unit, told=told: hear(unit.session, told, clock.now()),  # type: ignore[misc]
            ],
        )
        last = check_story(purse, payout_id)[-1]
        assert purse.row(payout_id).status is (S.PENDING if last == Action.DENY else S.PAID)
    purse.verify()


def test_an_operator_and_the_clock_at_once(purse: Purse) -> None:
    """A payout that is held never leaves, and one that leaves is not held."""
    ids = purse.distributed([100] * 8)

    def claim(unit: Unit) -> object:
        return claims.claim(unit.session, list(RailName), 100, clock.now())

    def look(unit: Unit) -> object:
        return held.look(unit.session, list(RailName), 100, clock.now())

    at_once(purse, [claim, look, claim, *(press(one, Action.HOLD) for one in ids)])
    for payout_id in ids:
        assert check_story(purse, payout_id) in ([Action.HOLD], [Action.CLAIM])
    purse.verify()


def test_a_list_that_comes_back_twice_at_once(purse: Purse) -> None:
    ids = purse.distributed([100] * 5)
    purse.bring(ids, S.SENDING)
    for payout_id in ids:
        assert purse.act(payout_id, Action.ACCEPT)
    words = [Word(f"payout:{one}:1", 100, "EUR", Came.PAID) for one in ids]

    def confirm(unit: Unit, turn: int) -> list[Reception]:
        said = words[::turn]
        return list(hear_by_hand(unit.session, said, clock.now()).values())

    done = at_once(purse, [partial(confirm, turn=turn) for turn in (1, -1, 1, -1)])
    receptions = [one for page in done if isinstance(page, list) for one in page]
    assert (receptions.count(Reception.TAKEN), receptions.count(Reception.KNOWN)) == (5, 15)
    assert purse.counts() == {"paid": 5}
    purse.verify()


def test_an_event_that_comes_at_once_is_kept_once(purse: Purse) -> None:
    def keep(unit: Unit) -> bool:
        now = clock.now()
        return webhooks.keep(unit.session, Vendor.STRIPE, "evt_1", "ping", b"{}", now)

    def claim(unit: Unit) -> int:
        return len(webhooks.claim(unit.session, 10, clock.now()))

    assert sorted(map(str, at_once(purse, [keep] * 5))) == ["False"] * 4 + ["True"]
    assert sorted(map(str, at_once(purse, [claim] * 5))) == ["0"] * 4 + ["1"]


def test_cancelling_at_once_returns_the_pool_once(purse: Purse) -> None:
    promised = Promised(purse.engine, purse.factory)
    competition = promised.final([3, 2, 1], PODIUM)
    with purse.unit() as unit:
        unit.session.execute(
            text("UPDATE competition SET status = 'provisional' WHERE id = :id"),
            {"id": competition.id},
        )

    def cancel(unit: Unit) -> CompetitionStatus:
        return life.cancel(unit.session, competition.id, None, "off", clock.now()).status

    done = at_once(purse, [cancel] * 6)
    assert done == [CompetitionStatus.CANCELLED] * 6
    with Session(purse.engine) as session:
        ended = select(func.count()).select_from(Transition)
        assert session.scalar(ended.filter_by(after=CompetitionStatus.CANCELLED)) == 1
        back = select(func.count()).select_from(LedgerTransaction)
        assert session.scalar(back.filter_by(kind=TransactionKind.POOL_RETURN)) == 1
    purse.verify()
