"""Every status and every action, through the one path, with the ledger behind it."""

from dataclasses import replace
from itertools import product

import pytest

from domain import clock
from domain.errors import Conflict, NotFound
from domain.ids import new_id
from domain.payouts.states import Action, after
from domain.payouts.steps import take, take_one
from models.payout import PayoutStatus
from tests.integration.payouts.purse import Purse, step

ALONE = [one for one in Action if one is not Action.WITHDRAW]
"""An adjustment that takes all has a posting of its own: see `test_adjusting`."""
PAIRS = list(product(PayoutStatus, ALONE))


def test_every_action_is_taken_or_refused_as_the_table_says(purse: Purse) -> None:
    ids = dict(zip(PAIRS, purse.distributed([100] * len(PAIRS)), strict=True))
    for status in PayoutStatus:
        purse.bring([ids[status, action] for action in ALONE], status)
    for (status, action), payout_id in ids.items():
        before, led = purse.row(payout_id), after(status, action)
        assert before.status is status
        assert purse.act(payout_id, action) is (led is not None), (status, action)
        found = purse.row(payout_id)
        assert found.status is (led or status)
        assert found.steps == before.steps + (led is not None) == len(purse.steps(payout_id))
        if led is None:
            assert found == before
    purse.verify()


def test_what_is_forfeited_stays_with_the_pool(purse: Purse) -> None:
    ids = purse.distributed([100] * len(Action))
    purse.bring(ids, PayoutStatus.HELD)
    for payout_id, action in zip(ids, Action, strict=True):
        assert purse.act(payout_id, Action.FORFEIT)
        assert not purse.act(payout_id, action)
    purse.verify()


@pytest.mark.parametrize(
    ("spent", "action"),
    [
        (False, Action.POSTPONE),
        (True, Action.REFUSE),
        (True, Action.SUSPEND),
    ],
)
def test_a_key_is_kept_until_it_is_surely_spent(purse: Purse, spent: bool, action: Action) -> None:
    (payout_id,) = purse.distributed([100])
    purse.bring([payout_id], PayoutStatus.SENDING)
    assert purse.act(payout_id, action)
    if purse.row(payout_id).status is not PayoutStatus.PENDING:
        assert purse.act(payout_id, Action.RELEASE)
    assert purse.act(payout_id, Action.CLAIM)
    assert purse.row(payout_id).attempts == (2 if spent else 1)
    purse.verify()


def test_a_doubt_outlives_a_call_that_moved_nothing(purse: Purse) -> None:
    (payout_id,) = purse.distributed([100])
    purse.bring([payout_id], PayoutStatus.UNKNOWN)
    since = purse.row(payout_id).unsure_since
    assert purse.act(payout_id, Action.RESEND)
    assert purse.act(payout_id, Action.POSTPONE)
    row = purse.row(payout_id)
    assert (row.status, row.unsure_since) == (PayoutStatus.UNKNOWN, since)
    assert purse.act(payout_id, Action.ACCEPT)
    assert purse.row(payout_id).unsure_since is None
    purse.verify()


def test_news_about_another_key_changes_nothing(purse: Purse) -> None:
    (payout_id,) = purse.distributed([100])
    purse.bring([payout_id], PayoutStatus.FAILED)
    for action in (Action.RELEASE, Action.CLAIM):
        assert purse.act(payout_id, action)
    with purse.unit() as unit:
        late = replace(step(payout_id, Action.SETTLE), if_attempt=1)
        assert take(unit.session, [late], clock.now()) == []
    assert purse.row(payout_id).status is PayoutStatus.SENDING


def test_an_operator_is_told_why_not(purse: Purse) -> None:
    (payout_id,) = purse.distributed([100])
    with purse.unit() as unit, pytest.raises(Conflict, match="pending") as refused:
        take_one(unit.session, step(payout_id, Action.SETTLE), clock.now())
    assert refused.value.code == "payout_not_so"
    with purse.unit() as unit, pytest.raises(NotFound):
        take_one(unit.session, step(new_id(), Action.SETTLE), clock.now())
