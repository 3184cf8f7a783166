"""Who watches a private board and may no longer see it is sent away."""

import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager

import gevent
import structlog
from gevent.event import Event
from sqlalchemy.exc import SQLAlchemyError

from domain.competitions.competition import shut_out
from domain.live.messages import CloseCode
from web.live.guest import Guest
from worker.unit import Unit

log = structlog.get_logger(__name__)

CHECK_S = 20.0
"""How often everyone is looked at, in one query."""


class Doorkeeper:
    """All guests of this process at boards.

    It works beside the boards' own greenlets, so a slow database holds up no frame.
    """

    def __init__(
        self, unit: Callable[[], AbstractContextManager[Unit]], every_s: float = CHECK_S
    ) -> None:
        self._unit = unit
        self._every_s = every_s
        self._guests: dict[uuid.UUID, set[Guest]] = {}
        self._suspected: set[uuid.UUID] = set()
        self._wake = Event()
        self._running = False

    def watch(self, competition_id: uuid.UUID, guest: Guest) -> None:
        """Look at a guest from now on."""
        self._guests.setdefault(competition_id, set()).add(guest)
        if not self._running:
            self._running = True
            gevent.spawn(self._run)

    def forget(self, competition_id: uuid.UUID, guest: Guest) -> None:
        """Look at a guest no more."""
        here = self._guests.get(competition_id, set())
        here.discard(guest)
        if not here:
            self._guests.pop(competition_id, None)

    def suspect(self, competition_id: uuid.UUID) -> None:
        """Look at a board's guests soon: one of them has lost their place."""
        self._suspected.add(competition_id)
        self._wake.set()

    def _run(self) -> None:
        all_due_at = time.monotonic() + self._every_s
        try:
            while self._guests:
                self._wake.wait(max(0.0, all_due_at - time.monotonic()))
                self._wake.clear()
                due, self._suspected = self._suspected, set()
                if time.monotonic() >= all_due_at:
                    due, all_due_at = set(self._guests), time.monotonic() + self._every_s
                self._check(due)
        except Exception:
            log.exception("live.doorkeeper_failed")
            for guest in [one for of_board in self._guests.values() for one in of_board]:
                guest.dismiss(CloseCode.INTERNAL_ERROR, "failed")
        finally:
            self._running = False

    def _check(self, competition_ids: set[uuid.UUID]) -> None:
        """Close the sockets of those who may not see their board; a lost database says nothing."""
        guests = [
            (competition_id, guest)
            for competition_id in competition_ids
            for guest in self._guests.get(competition_id, ())
            if not guest.caller.is_admin
        ]
        watched = {(board, guest.caller.person.id) for board, guest in guests}
        try:
            with self._unit() as unit:
                out = shut_out(unit.session, watched)
        except (SQLAlchemyError, OSError) as error:
            log.warning("live.guests_unchecked", error=str(error))
            return
        for board, guest in guests:
            if (board, guest.caller.person.id) in out:
                guest.dismiss(CloseCode.FORBIDDEN, "permission_lost")
