"""What should have been done by now: since when the oldest of each kind waits, and how many."""

import enum
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session


class Kind(enum.StrEnum):
    """What waits."""

    PULL = "pull"
    """A pull of somebody's data, of those who can be pulled."""
    MARK = "mark"
    """A changed score that is not on its board yet."""
    TRANSITION = "transition"
    """A competition that should have begun, closed or been frozen."""
    POOL = "pool"
    """A pool that should have been shared out, since its competition became final."""
    PAYOUT = "payout"
    """A payout that should have been sent."""
    QUESTION = "question"
    """A payout of whose outcome the rail should have been asked."""
    WEBHOOK = "webhook"
    """A message of a vendor that should have been worked off."""


class Waiting(NamedTuple):
    """Of one kind."""

    kind: Kind
    number: int
    since: datetime | None
    """None when nothing waits."""


_WAITING = text("""
    SELECT 'pull', count(*), min(r.due_at) FROM sync_request r
    JOIN fitness_connection c ON c.id = r.connection_id AND c.status = 'active'
    WHERE r.status = 'queued' AND r.due_at <= :now
    UNION ALL
    SELECT 'mark', count(*), min(marked_at) FROM board_dirty
    UNION ALL
    SELECT 'transition', count(*), min(at) FROM (
        SELECT starts_at AS at FROM competition WHERE status = 'upcoming' AND starts_at <= :now
        UNION ALL
        SELECT ends_at FROM competition WHERE status = 'active' AND ends_at <= :now
        UNION ALL
        SELECT cutoff_at FROM competition WHERE status = 'closing' AND cutoff_at <= :now
    ) AS late
    UNION ALL
    SELECT 'pool', count(*), min(t.happened_at) FROM prize_plan p
    JOIN competition c ON c.id = p.competition_id AND c.status = 'final'
    JOIN transition t ON t.competition_id = c.id AND t.after = 'final'
    WHERE p.settled_at IS NULL
    UNION ALL
    SELECT 'payout', count(*), min(due_at) FROM payout WHERE status = 'pending' AND due_at <= :now
    UNION ALL
    SELECT 'question', count(*), min(due_at) FROM payout WHERE status = 'unknown' AND due_at <= :now
    UNION ALL
    SELECT 'webhook', count(*), min(received_at) FROM webhook_event WHERE processed_at IS NULL
""")


def waiting(session: Session, now: datetime) -> list[Waiting]:
    """Return each kind once."""
    return [Waiting(Kind(kind), *rest) for kind, *rest in session.execute(_WAITING, {"now": now})]
