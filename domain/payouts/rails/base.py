"""What a payout hands to a rail, and what comes back.

The one question after `send` is whether money may have moved. If it surely did not, the order may
be sent again at any time; if it may have, nothing is sent before `look_up` has told. So each way in
which `send` ends belongs to one of these:

| ends with | money | then |
|---|---|---|
| `Sent` | moved, or will | done |
| `NotExecuted`, `Throttled` | did not move | send again later, with the same key |
| `OutcomeUnknown`, `Duplicate` | may have moved | `look_up`; never send blindly |
| `Refused` | did not move, and won't by this key | another try needs another key |
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.errors import Refused, Retryable
from models.rail import RailName

OUR_LISTS = frozenset({RailName.MANUAL})
"""Rails that are lists of our own: sending reaches nobody, and nobody else knows what was sent."""


class NotExecuted(Retryable):
    """The rail surely did not act: it was not reached, or it turned us away at the door."""

    code = "rail_not_reached"


class OutcomeUnknown(Retryable):
    """The rail may have acted: the time was up, the connection broke, or it stumbled (5xx)."""

    code = "rail_outcome_unknown"


class BalanceInsufficient(Refused):
    """Our own account at the rail does not hold the amount."""

    code = "balance_insufficient"


class AccountNotReady(Refused):
    """The winner's account is there, but cannot take money yet, or any more."""

    code = "account_not_ready"


class AccountUnknown(Refused):
    """The rail knows no such account of a winner, or it is not connected to us."""

    code = "account_unknown"


@dataclass(frozen=True)
class Order:
    """One payout as a rail is told of it. The same payout and key always mean the same order."""

    payout: uuid.UUID
    """Our reference, by which the rail is asked later."""
    key: str
    """Idempotency key: committed before it is first sent, at most 255 characters."""
    amount: int
    """Minor units of `currency`, above 0."""
    currency: str
    """ISO 4217, upper case."""
    destination: str
    """The winner's account at the rail, in the rail's own words."""
    group: uuid.UUID
    """Public id of the competition whose prizes are paid together."""
    description: str
    """What the winner may read beside the amount. Must not change while the key is in use."""


@dataclass(frozen=True)
class Sent:
    """The rail has the order."""

    reference: str
    """The rail's own id for it."""
    settled: bool
    """Whether the money has arrived; if not, somebody confirms it later."""
    returned: int = 0
    """Minor units that came back since."""


@dataclass(frozen=True)
class NotThere:
    """The rail was asked and has no such order. One that is still under way may yet appear."""


@dataclass(frozen=True)
class Listed:
    """A line of the rail's own list, for reconciliation."""

    reference: str
    payout: uuid.UUID | None
    """None if it bears no reference of ours: somebody else made it."""
    amount: int
    currency: str
    destination: str
    made_at: datetime
    returned: int


class Rail(Protocol):
    """Somebody who carries money. Blocking; one try each, within a time limit."""

    @property
    def name(self) -> RailName:
        """Its name in the API and in the tables."""

    @property
    def window(self) -> timedelta | None:
        """How long it remembers a key at least; None for ever. Afterwards the key pays again."""

    def send(self, order: Order) -> Sent:
        """Let the money move, once for each key however often it is called within the window.

        Raises NotExecuted, Throttled, OutcomeUnknown, Refused or Duplicate; the last means that
        the key was used for an order that differs.
        """

    def look_up(self, order: Order) -> Sent | NotThere:
        """Ask for the order by our reference. Raises Retryable or Throttled."""

    def transfers(self, since: datetime, until: datetime) -> Iterator[Listed]:
        """Yield what it carried in [since, until), the newest first.

        Raises Retryable or Throttled meanwhile.
        """


def may_resend(window: timedelta | None, first_sent_at: datetime, now: datetime) -> bool:
    """Tell whether an order may be sent once more under the key of its first try.

    Only within half the rail's window: clocks differ, calls linger, and what is sent after the
    window pays twice.
    """
    return window is None or now - first_sent_at < window / 2
