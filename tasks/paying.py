"""Payouts on their way: claimed, sent and written down; asked about; looked after."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

import structlog

from domain import clock
from domain.errors import PodiumError
from domain.ledger.posting import PayableOverdrawn
from domain.payouts import asking, claims, distributing, enlisting, held, outcomes
from domain.payouts.asking import Heard
from domain.payouts.claims import Claim
from domain.payouts.outcomes import Answer
from domain.payouts.rails.base import OUR_LISTS, NotThere, Sent
from domain.payouts.rails.registry import Rails
from models.payout import PayoutStatus
from models.rail import RailName
from tasks.calling import call_all
from worker.unit import Unit

log = structlog.get_logger(__name__)

BATCH = 400
LONG_BATCH = 4_000
"""Of what nobody is called about."""
COMPETITIONS = 20
"""That are taken up by one sweep."""


class Paying:
    """What the jobs of payouts do, each piece in short units of its own."""

    def __init__(self, unit: Callable[[], AbstractContextManager[Unit]], rails: Rails) -> None:
        self._unit = unit
        self._rails = rails
        self.calls: Counter[tuple[RailName, str]] = Counter()
        """Calls of each rail, by what it said: see `said_shortly`."""

    def lay_out(self) -> bool:
        """Make a page of payouts for each distribution that lacks some; say if any was made."""
        with self._unit() as unit:
            unfinished = distributing.unfinished(unit.session, COMPETITIONS)
        return any(self._lay_out(one) for one in unfinished)

    def pay(self) -> bool:
        """Claim a batch, call the rails and write their answers down; say if any was due.

        What is only put on a list of ours comes first, by itself.
        """
        if any(self._enlist(one) for one in self._rails if one in OUR_LISTS):
            return True
        with self._unit() as unit:
            claimed = claims.claim(unit.session, list(self._rails), BATCH, clock.now())
        _tell_of_overdrawing(claimed.overdrawing)
        self._send(claimed.claims)
        return claimed.any

    def ask(self) -> bool:
        """Ask rails about a batch of unknown payouts, and resend what may be; say if any was due.

        A rail that has an order settles the matter. Of one that may not be sent again a person is
        told, by the log and by the metrics.
        """
        with self._unit() as unit:
            asked = asking.claim_questions(unit.session, list(self._rails), BATCH, clock.now())
        for lot in call_all(asked, lambda one: self._rails[one.rail].look_up(one.order)):
            self.calls.update((claim.rail, said_shortly(said)) for claim, said in lot)
            heard = [Heard(claim, said) for claim, said in lot]
            found = [Answer(one.claim, one.said) for one in heard if isinstance(one.said, Sent)]
            with self._unit() as unit:
                outcomes.record(unit.session, found, clock.now())
                again = asking.resend(unit.session, heard, self._rails, clock.now())
            for claim in asking.left_to_people(heard, self._rails, clock.now()):
                log.error("payout.left_to_people", payout_id=str(claim.order.payout))
            self._send(again)
        return bool(asked)

    def look_after(self) -> bool:
        """Give up lost leases and look at what is held; say if there was anything."""
        with self._unit() as unit:
            lost = claims.give_up_lost(unit.session, BATCH, clock.now())
        with self._unit() as unit:
            looked = held.look(unit.session, list(self._rails), BATCH, clock.now())
        _tell_of_overdrawing(looked.overdrawing)
        for row in looked.reminded:
            log.info("payout.reminded", payout_id=str(row.id), reason=row.hold_reason)
        return bool(lost or looked.any)

    def _lay_out(self, distribution_id: uuid.UUID) -> int:
        with self._unit() as unit:
            return distributing.lay_out_page(unit.session, distribution_id, clock.now())

    def _enlist(self, rail: RailName) -> int:
        try:
            with self._unit() as unit:
                return enlisting.enlist(unit.session, rail, LONG_BATCH, clock.now())
        except PayableOverdrawn as refusal:
            log.warning("payouts.one_by_one", rail=rail, error=refusal.detail)
            return 0

    def _send(self, claimed: list[Claim]) -> None:
        for lot in call_all(claimed, lambda one: self._rails[one.rail].send(one.order)):
            self.calls.update((claim.rail, said_shortly(said)) for claim, said in lot)
            answers = [Answer(claim, said) for claim, said in lot]
            with self._unit() as unit:
                taken = outcomes.record(unit.session, answers, clock.now())
            for step in taken:
                if step.after.status in {PayoutStatus.FAILED, PayoutStatus.UNKNOWN}:
                    payout_id, code = str(step.after.id), step.step.code
                    log.warning("payout.not_sent", payout_id=payout_id, code=code)


def _tell_of_overdrawing(payout_ids: Iterable[uuid.UUID]) -> None:
    for one in payout_ids:
        log.error("payout.overdrawing", payout_id=str(one))


def said_shortly(said: Sent | NotThere | Exception) -> str:
    """Return `sent`, `not_there`, or the code of an error."""
    if isinstance(said, Sent):
        return "sent"
    if isinstance(said, NotThere):
        return "not_there"
    return said.code if isinstance(said, PodiumError) else "internal_error"
