"""What leads a payout from which status to which, and where its money lies meanwhile.

One table says it all; what is not in it is refused. Where the money lies follows from the status
alone, so each step's postings follow from the step.
"""

import enum

from models.ledger import AccountKind, TransactionKind
from models.payout import PayoutStatus

S = PayoutStatus


class Action(enum.StrEnum):
    """What is done to a payout."""

    CLAIM = "claim"
    """By the clock: it is about to be sent."""
    RESEND = "resend"
    """By the clock: it is about to be sent once more, under the same key."""
    ACCEPT = "accept"
    """The rail has it."""
    SETTLE = "settle"
    """The rail says that the money has arrived."""
    POSTPONE = "postpone"
    """This call surely moved nothing; another may."""
    REFUSE = "refuse"
    """The rail surely moved nothing, and never will by this key."""
    SUSPEND = "suspend"
    """The same, because of the winner's account."""
    LOSE = "lose"
    """Nobody can say what a call came to."""
    RETURN = "return"
    """The rail gave all of it back."""
    HOLD = "hold"
    """By the clock or an operator: it waits."""
    RELEASE = "release"
    """What it waited for is there, or an operator lets it go."""
    DENY = "deny"
    """An operator has looked at the rail: the order never moved anything."""
    FORFEIT = "forfeit"
    """Its money goes back to the pool: nobody came for it in time, or an operator says so."""
    LOWER = "lower"
    """An adjustment takes a part of it."""
    WITHDRAW = "withdraw"
    """An adjustment takes all of it, by a posting of its own."""


TABLE: dict[tuple[PayoutStatus, Action], PayoutStatus] = {
    (S.PENDING, Action.CLAIM): S.SENDING,
    (S.PENDING, Action.HOLD): S.HELD,
    (S.HELD, Action.HOLD): S.HELD,
    (S.HELD, Action.RELEASE): S.PENDING,
    (S.HELD, Action.FORFEIT): S.RETURNED,
    (S.SENDING, Action.ACCEPT): S.ACCEPTED,
    (S.SENDING, Action.SETTLE): S.PAID,
    (S.SENDING, Action.POSTPONE): S.PENDING,
    (S.SENDING, Action.REFUSE): S.FAILED,
    (S.SENDING, Action.SUSPEND): S.HELD,
    (S.SENDING, Action.LOSE): S.UNKNOWN,
    (S.UNKNOWN, Action.RESEND): S.SENDING,
    (S.UNKNOWN, Action.ACCEPT): S.ACCEPTED,
    (S.UNKNOWN, Action.SETTLE): S.PAID,
    (S.UNKNOWN, Action.DENY): S.PENDING,
    (S.ACCEPTED, Action.SETTLE): S.PAID,
    (S.ACCEPTED, Action.RETURN): S.RETURNED,
    (S.PAID, Action.RETURN): S.RETURNED,
    (S.FAILED, Action.HOLD): S.HELD,
    (S.FAILED, Action.RELEASE): S.PENDING,
    (S.FAILED, Action.FORFEIT): S.RETURNED,
    (S.RETURNED, Action.RELEASE): S.PENDING,
    (S.RETURNED, Action.FORFEIT): S.RETURNED,
    **{(one, Action.LOWER): one for one in (S.PENDING, S.HELD, S.FAILED, S.RETURNED)},
    **{(one, Action.WITHDRAW): S.RETURNED for one in (S.PENDING, S.HELD, S.FAILED, S.RETURNED)},
}

LIES_IN = {
    S.PENDING: AccountKind.PAYABLE,
    S.HELD: AccountKind.PAYABLE,
    S.SENDING: AccountKind.CLEARING,
    S.UNKNOWN: AccountKind.CLEARING,
    S.ACCEPTED: AccountKind.PAID,
    S.PAID: AccountKind.PAID,
    S.FAILED: AccountKind.PAYABLE,
    S.RETURNED: AccountKind.PAYABLE,
}
"""The account that holds a payout's money; a forfeited one's is the pool."""

POSTINGS = {
    (AccountKind.PAYABLE, AccountKind.CLEARING): TransactionKind.SEND,
    (AccountKind.CLEARING, AccountKind.PAID): TransactionKind.SUCCESS,
    (AccountKind.CLEARING, AccountKind.PAYABLE): TransactionKind.REFUSAL,
    (AccountKind.PAID, AccountKind.PAYABLE): TransactionKind.RETURN,
    (AccountKind.PAYABLE, AccountKind.POOL): TransactionKind.UNCLAIMED,
}


def after(
    before: PayoutStatus, action: Action, *, unsure: bool = False, forfeited: bool = False
) -> PayoutStatus | None:
    """Return where an action leads, or None if it is refused.

    While an earlier call under the present key is in doubt (`unsure`), a later one that surely
    moved nothing proves nothing about it. What is forfeited stays so.
    """
    if forfeited:
        return None
    if unsure and (before, action) == (S.SENDING, Action.POSTPONE):
        return S.UNKNOWN
    return TABLE.get((before, action))


def lies_in(status: PayoutStatus, *, forfeited: bool) -> AccountKind:
    """Return the kind of account that holds a payout's money."""
    return AccountKind.POOL if forfeited else LIES_IN[status]
