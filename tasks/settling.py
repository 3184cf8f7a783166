"""Prizes of final competitions, calculated in pages."""

import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager

import structlog

from domain import clock
from domain.database import DATABASE_AWAY
from domain.errors import PodiumError
from domain.prizes import calculation
from worker.unit import Unit

log = structlog.get_logger(__name__)

COMPETITIONS = 20
"""That are taken up at a time."""


class Settling:
    """What one sweep does, each piece in a short unit of its own, until the time `end`."""

    def __init__(self, unit: Callable[[], AbstractContextManager[Unit]], end: float) -> None:
        self._unit = unit
        self._end = end
        self._passed: list[uuid.UUID] = []
        """What could not go on: it is left to the next sweep and holds up nothing else."""

    @property
    def is_over(self) -> bool:
        """Whether the time has come."""
        return time.monotonic() > self._end

    def calculate(self) -> bool:
        """Calculate some competitions' prizes; say whether there were any."""
        with self._unit() as unit:
            owed = calculation.owed(unit.session, COMPETITIONS, self._passed)
        for one in owed:
            try:
                self._calculate(one)
            except (PodiumError, *DATABASE_AWAY) as error:
                log.warning("prizes.put_off", competition_id=str(one), error=str(error))
                self._passed.append(one)
        return bool(owed)

    def _calculate(self, competition_id: uuid.UUID) -> None:
        with self._unit() as unit:
            shared = calculation.begin(unit.session, competition_id, None, clock.now())
        while not self.is_over:
            with self._unit() as unit:
                now = clock.now()
                if not calculation.write_page(unit.session, competition_id, shared, now):
                    log.info("prizes.calculated", competition_id=str(competition_id))
                    return
