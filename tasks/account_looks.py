"""Winners' accounts at Stripe, looked at again."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import structlog

from domain import clock
from domain.errors import VendorError
from domain.payouts import accounts, held
from domain.payouts.rails.base import AccountUnknown
from domain.payouts.rails.stripe_accounts import StripeAccounts
from models.rail import RailName
from worker.unit import Unit

log = structlog.get_logger(__name__)


class AccountLooks:
    """What one run does. `stripe` is None where the rail is off."""

    def __init__(
        self, unit: Callable[[], AbstractContextManager[Unit]], stripe: StripeAccounts | None
    ) -> None:
        self._unit = unit
        self._stripe = stripe
        self._away: VendorError | None = None
        """Why Stripe cannot be asked: it is not asked again in this run."""

    def look(self, account: str) -> str | None:
        """Ask how an account is now; return what is new. Raises VendorError.

        What waits for it is looked at again.
        """
        asked_at = clock.now()
        ready = self._is_ready(account)
        with self._unit() as unit:
            whose = accounts.hear(
                unit.session, RailName.STRIPE, account, ready=ready, asked_at=asked_at
            )
            if whose is None:
                return None
            held.look_soon(unit.session, whose, clock.now())
        return "ready" if ready else "not ready"

    def look_at_unheard(self, limit: int) -> None:
        """Ask about accounts for which payouts wait and of which nothing was heard for long."""
        with self._unit() as unit:
            unheard = accounts.unheard(unit.session, RailName.STRIPE, limit, clock.now())
        for account in unheard:
            try:
                self.look(account)
            except VendorError as error:
                log.warning("payouts.account_unasked", error=error.detail)
                return

    def _is_ready(self, account: str) -> bool:
        if self._away is not None:
            raise self._away
        if self._stripe is None:
            raise VendorError("Stripe is not set up here.", code="rail_off")
        try:
            return self._stripe.look(account).ready
        except AccountUnknown:
            return False
        except VendorError as error:
            self._away = error
            raise
