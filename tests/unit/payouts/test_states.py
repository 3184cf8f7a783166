"""Every status and every action, written down once more, by what each action may be done to."""

from itertools import product

import pytest

from domain.payouts.states import LIES_IN, POSTINGS, Action, after, lies_in
from models.ledger import AccountKind
from models.payout import PayoutStatus as S

ALLOWED = """
            pending  held     sending  unknown  accepted paid     failed   returned
claim       sending  -        -        -        -        -        -        -
resend      -        -        -        sending  -        -        -        -
accept      -        -        accepted accepted -        -        -        -
settle      -        -        paid     paid     paid     -        -        -
postpone    -        -        pending  -        -        -        -        -
refuse      -        -        failed   -        -        -        -        -
suspend     -        -        held     -        -        -        -        -
lose        -        -        unknown  -        -        -        -        -
return      -        -        -        -        returned returned -        -
hold        held     held     -        -        -        -        held     -
release     -        pending  -        -        -        -        pending  pending
deny        -        -        -        pending  -        -        -        -
forfeit     -        returned -        -        -        -        returned returned
lower       pending  held     -        -        -        -        failed   returned
withdraw    returned returned -        -        -        -        returned returned
"""
HEAD, *LINES = ALLOWED.split("\n")[1:-1]
EXPECTED = {
    (S(status), Action(line.split()[0])): None if led == "-" else S(led)
    for line in LINES
    for status, led in zip(HEAD.split(), line.split()[1:], strict=True)
}
PAIRS = list(product(S, Action))


@pytest.mark.parametrize(("status", "action"), PAIRS)
def test_every_status_and_every_action(status: S, action: Action) -> None:
    assert after(status, action) is EXPECTED[status, action]


def test_a_doubt_outlives_a_call_that_moved_nothing() -> None:
    expected = {**EXPECTED, (S.SENDING, Action.POSTPONE): S.UNKNOWN}
    assert {pair: after(*pair, unsure=True) for pair in PAIRS} == expected


def test_what_is_forfeited_stays_so() -> None:
    assert {after(*pair, forfeited=True) for pair in PAIRS} == {None}


def test_money_is_never_where_nobody_looks() -> None:
    for (status, action), led in EXPECTED.items():
        # What an adjustment takes whole, it posts itself.
        if led is None or action is Action.WITHDRAW:
            continue
        source = LIES_IN[status]
        target = lies_in(led, forfeited=action is Action.FORFEIT)
        assert source is target or (source, target) in POSTINGS, (status, action)
    assert lies_in(S.RETURNED, forfeited=True) is AccountKind.POOL


def test_only_what_may_have_moved_is_asked_after() -> None:
    """Whatever may be sent under a new key has surely moved nothing, or has come back."""
    fresh = {
        status
        for (status, action), led in EXPECTED.items()
        if led is S.PENDING and action is not Action.LOWER
    }
    assert fresh == {S.HELD, S.SENDING, S.UNKNOWN, S.FAILED, S.RETURNED}
    assert {EXPECTED[S.UNKNOWN, one] for one in Action} == {
        None,
        S.SENDING,
        S.ACCEPTED,
        S.PAID,
        S.PENDING,
    }
