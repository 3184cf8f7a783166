"""Vendors' messages worked off, in short units of work."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from domain import clock, webhooks
from domain.errors import VendorError
from domain.payouts import notices
from domain.payouts.rails.stripe_accounts import StripeAccounts
from domain.payouts.rails.stripe_events import EventUnreadable, OfAccount, OfTransfer, read
from domain.webhooks import Message
from tasks.account_looks import AccountLooks
from worker.unit import Unit

log = structlog.get_logger(__name__)

BATCH = 100
IGNORED, NOTHING_NEW = "none of ours", "nothing new"


class Hearing:
    """What one sweep does. `stripe` is None where the rail is off."""

    def __init__(
        self, unit: Callable[[], AbstractContextManager[Unit]], stripe: StripeAccounts | None
    ) -> None:
        self._unit = unit
        self._looks = AccountLooks(unit, stripe)

    def work_off(self) -> bool:
        """Work off a batch; say if any message was due."""
        with self._unit() as unit:
            messages = webhooks.claim(unit.session, BATCH, clock.now())
        if not messages:
            return False
        about = [(one, _read(one)) for one in messages]
        transfers = [(one, what) for one, what in about if isinstance(what, OfTransfer)]
        self._hear_transfers(transfers)
        for account in {what.account for _, what in about if isinstance(what, OfAccount)}:
            told = [one for one, what in about if what == OfAccount(account)]
            self._hear_account(account, told)
        rest = {one: what for one, what in about if isinstance(what, str)}
        with self._unit() as unit:
            webhooks.finish(unit.session, rest, clock.now())
        return True

    def _hear_transfers(self, told: Sequence[tuple[Message, OfTransfer]]) -> None:
        """Lead payouts to where their transfers stood; one that breaks holds up no other."""
        if not told:
            return
        try:
            with self._unit() as unit:
                _lead(unit.session, told, clock.now())
        except Exception as error:
            log.exception("webhooks.broke", events=[one.event_id for one, _ in told])
            if len(told) > 1:
                for one in told:
                    self._hear_transfers([one])
                return
            with self._unit() as unit:
                broke = [one for one, _ in told]
                webhooks.put_off(unit.session, broke, type(error).__name__, clock.now())

    def _hear_account(self, account: str, told: Sequence[Message]) -> None:
        """Ask how an account is now, whatever its messages say: they come in any order."""
        try:
            outcome = self._looks.look(account) or NOTHING_NEW
        except VendorError as error:
            log.warning("webhooks.account_unasked", error=error.detail)
            with self._unit() as unit:
                webhooks.put_off(unit.session, told, error.code, clock.now())
            return
        with self._unit() as unit:
            webhooks.finish(unit.session, dict.fromkeys(told, outcome), clock.now(), forget=True)


def _read(message: Message) -> OfTransfer | OfAccount | str:
    """Return what a message is about, or what it came to where nothing is to be done."""
    try:
        return read(message.kind, message.body) or IGNORED
    except EventUnreadable as error:
        log.exception("webhooks.unreadable", event_id=message.event_id, kind=message.kind)
        return error.code


def _lead(session: Session, told: Sequence[tuple[Message, OfTransfer]], now: datetime) -> None:
    """Let each payout hear its messages in the order in which they came."""
    outcomes = {one: NOTHING_NEW for one, _ in told}
    left = list(told)
    while left:
        first = {what.payout: (one, what) for one, what in reversed(left)}
        taken = notices.hear(session, {one: what.notice for one, (_, what) in first.items()}, now)
        for step in taken:
            outcomes[first[step.after.id][0]] = str(step.after.status)
        now_told = {one for one, _ in first.values()}
        left = [pair for pair in left if pair[0] not in now_told]
    webhooks.finish(session, outcomes, now)
