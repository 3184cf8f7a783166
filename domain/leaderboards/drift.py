"""What the comparisons of all live boards have found, for those who watch over them."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

_DRIFT = text("""
    SELECT count(*), count(*) FILTER (WHERE board.drift > 0),
        CAST(coalesce(sum(board.drift), 0) AS bigint), min(board.verified_at)
    FROM board JOIN competition ON competition.id = board.competition_id
    WHERE competition.status IN ('upcoming', 'active', 'closing', 'provisional')
""")


class Drift(NamedTuple):
    """Of all live boards, at the last comparison of each."""

    boards: int
    wrong_boards: int
    wrong_lines: int
    verified_since: datetime | None
    """All that were ever compared have been since."""


def drift_altogether(session: Session) -> Drift:
    """Return what was found."""
    return Drift(*session.execute(_DRIFT).one())
