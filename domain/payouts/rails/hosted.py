"""Winners' accounts that a rail hosts, in words of ours.

Apart from the client, whose import takes a second: only processes where the rail is on pay it.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Opened:
    """An account as the rail sees it."""

    account: str
    ready: bool
    """Whether transfers into it are carried out."""
    owner: str | None
    """Public id of the person for whom we opened it; None if it was connected by hand."""


@dataclass(frozen=True)
class Link:
    """A page of the rail's for an account's owner. It works once, for some minutes."""

    url: str
    expires_at: datetime
