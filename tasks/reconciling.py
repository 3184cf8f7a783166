"""Rails' lists compared with payouts; no connection is held while a rail is read."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime

import structlog

from domain import clock
from domain.errors import VendorError
from domain.payouts import reconciliation
from domain.payouts.comparing import Found, compare, pages
from domain.payouts.rails.base import OUR_LISTS, Rail
from domain.payouts.rails.registry import Rails
from domain.payouts.reconciliation import SKEW, Work
from domain.payouts.taking_over import take_over
from models.rail import RailName
from models.reconciliation import Difference
from worker.unit import Unit

log = structlog.get_logger(__name__)

PAGE = 500


class Reconciling:
    """What the daily job and the operators' command do."""

    def __init__(self, unit: Callable[[], AbstractContextManager[Unit]], rails: Rails) -> None:
        self._unit = unit
        self.rails = {name: rail for name, rail in rails.items() if name not in OUR_LISTS}

    def catch_up(self, end: float) -> bool:
        """Compare the days that are due until the time `end`; say whether any is left."""
        for rail in self.rails.values():
            try:
                if self._catch_up(rail, end):
                    return True
            except VendorError as error:
                log.warning("payouts.uncompared", rail=rail.name, error=error.detail)
        return False

    def compare(self, rail: RailName, day: date) -> Sequence[Difference]:
        """Compare a day as it stands now; return what differs. Raises Retryable or Throttled."""
        with self._unit() as unit:
            work = reconciliation.begin(unit.session, rail, day, clock.now())
        self._read(work, float("inf"))
        return self._finish(work)

    def take_over(self, rail: RailName, since: datetime) -> int:
        """Note as paid what a rail has carried since a moment; return how many payouts.

        Raises Conflict, Retryable or Throttled.
        """
        number = 0
        for page in pages(self.rails[rail].transfers(since - SKEW, clock.now() + SKEW), PAGE):
            with self._unit() as unit:
                number += len(take_over(unit.session, rail, page, clock.now()))
        return number

    def _catch_up(self, rail: Rail, end: float) -> bool:
        while (day := self._due(rail)) is not None:
            with self._unit() as unit:
                work = reconciliation.go_on(unit.session, rail.name, day, clock.now())
            if not self._read(work, end):
                return True
            self._finish(work)
            if time.monotonic() > end:
                return True
        return False

    def _due(self, rail: Rail) -> date | None:
        with self._unit() as unit:
            return reconciliation.due(unit.session, rail.name, clock.now())

    def _read(self, work: Work, end: float) -> bool:
        """Compare the list, from where it was left; say whether it came to its end in time."""
        lines = self.rails[work.rail].transfers(work.begins_at - SKEW, work.reached_at)
        for number, page in enumerate(pages(lines, PAGE)):
            if number and time.monotonic() > end:
                return False
            with self._unit() as unit:
                found = compare(unit.session, work, page, clock.now())
            for one in found:
                _tell(work, one)
        return True

    def _finish(self, work: Work) -> Sequence[Difference]:
        with self._unit() as unit:
            found = reconciliation.finish(unit.session, work, clock.now())
        day, rail = str(work.day), work.rail
        level = log.error if found else log.info
        level("payouts.compared", rail=rail, day=day, differences=len(found))
        return found


def _tell(work: Work, found: Found) -> None:
    log.error(
        "payouts.differ",
        rail=work.rail,
        kind=found.kind,
        payout_id=None if found.payout_id is None else str(found.payout_id),
        reference=found.line.reference,
    )
