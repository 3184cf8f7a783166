"""The manual rail: people work off a list and confirm each line.

Whatever is written down here is on the list, so an order is there as soon as it is committed, and
sending it moves nothing. `domain.payouts.manual_lists` writes the list and reads what comes back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from domain.payouts.rails.base import Listed, Order, Sent
from models.rail import RailName


@dataclass(frozen=True)
class ManualRail:
    """A list for people."""

    name: RailName = RailName.MANUAL
    window: None = None

    def send(self, order: Order) -> Sent:
        """Put it on the list, where it is already."""
        return Sent(order.key, settled=False)

    def look_up(self, order: Order) -> Sent:
        """Find it on the list."""
        return Sent(order.key, settled=False)

    def transfers(self, since: datetime, until: datetime) -> Iterator[Listed]:  # noqa: ARG002
        """Yield nothing: nobody but us keeps a list."""
        return iter(())
