"""How often someone may call what is expensive: for one person, and for one address.

An address is often that of many people, an office or a hall, so it may do more. Whoever calls from
the machine itself is not counted by address: that would be every client behind a proxy that does
not say for whom it asks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from limits import RateLimitItem, parse_many


@dataclass(frozen=True)
class Limit:
    """Ceilings like `6/minute`; of several, parted by `;`, each holds. A service is one person."""

    person: str | None
    """None where nobody shows a credential."""
    address: str
    closed: bool = False
    """Whether nobody is let in while Redis is away, rather than each process counting alone."""

    @cached_property
    def of_person(self) -> tuple[RateLimitItem, ...]:
        """The ceilings of one person."""
        return () if self.person is None else tuple(parse_many(self.person))

    @cached_property
    def of_address(self) -> tuple[RateLimitItem, ...]:
        """The ceilings of one address."""
        return tuple(parse_many(self.address))

    @property
    def policy(self) -> str:
        """The value of `RateLimit-Policy`."""
        return ", ".join(self._policies())

    @property
    def words(self) -> str:
        """What the document says of it."""
        person = "" if self.person is None else f"{self.person} of one person, or "
        return f"{person}{self.address} from one address".replace(";", " or ")

    def _policies(self) -> Iterator[str]:
        for name, items in (("person", self.of_person), ("address", self.of_address)):
            for item in items:
                yield f'"{name}";q={item.amount};w={item.get_expiry()}'


SYNC = Limit("6/minute", "600/minute")
"""Syncs that are asked for."""

RECORDS = Limit("50000/hour;200000/day", "1000000/hour")
"""Records and deletions that are uploaded: a month of one person's minutes in an hour."""

CONNECT = Limit("10/minute", "300/minute", closed=True)
"""Grants that are changed into tokens at the vendor."""

CREATE = Limit("30/minute;300/day", "300/minute")
"""Competitions that are made, each with a calendar and a board."""

JOIN = Limit("60/minute", "3000/minute")
"""Joining and leaving: a hall in which all join at a word is one address."""

PRIZES = Limit("30/minute", "300/minute")
"""Pools that are shared out, funded or sent on their way."""

ERASE = Limit("6/minute", "100/minute")
"""Accounts that are erased, each from all its boards."""

EXPORT = Limit("10/minute", "100/minute")
"""Whole tables."""

MY_DATA = Limit("6/hour", "300/hour")
"""Everything that is kept about someone: a long read of many tables."""

STATS = Limit("120/minute", "3000/minute")
"""Numbers that are counted anew at each look."""

PAYOUT_ACCOUNT = Limit("12/minute", "120/minute")
"""Calls that make us ask the rail."""

TICKETS = Limit("60/minute", "3000/minute", closed=True)
"""Tickets: one for each connection."""

SPECTATORS = Limit(None, "120/minute")
"""Looks at public competitions by those who show no credential."""

WRONG_KEYS = Limit(None, "30/minute")
"""Keys that open nothing."""
