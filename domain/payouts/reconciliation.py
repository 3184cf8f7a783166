"""Reconciliation: each UTC day a rail's own list is held against what we say of its payouts.

The hourly proof holds the payouts against the ledger, so what agrees here agrees with the ledger.
A comparison goes backwards through the list in pages and notes how far it came, so it can be killed
anywhere and goes on there. A day in which something differed is compared again until nothing does:
what was under way at the time has come to an end by then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.rail import RailName
from models.reconciliation import Difference, Reconciliation

SKEW = timedelta(minutes=10)
"""How far a rail's clock may be from ours."""
SENT_FOR = timedelta(days=1)
"""The longest time from an order's first call to the one that moves it: see `may_resend`."""
READY_AFTER = timedelta(hours=1)
AGAIN_AFTER = timedelta(hours=1)
LEFT_FOR = timedelta(days=1)
"""What somebody has left for longer is begun anew."""
BACK = timedelta(days=30)
"""Days that are longer ago and were not compared stay so."""

_FIRST = text(
    "SELECT min(sent_at) FROM payout WHERE rail = :rail AND sent_at >= CAST(:since AS timestamptz)"
)
# A comparison that began before its day was over was somebody's first look.
_DUE = text(
    """
    SELECT CAST(d AS date) FROM generate_series(
        CAST(:first AS timestamp), CAST(:last AS timestamp), interval '1 day') AS d
    LEFT JOIN LATERAL (
        SELECT r.id, r.started_at FROM reconciliation r
        WHERE r.rail = :rail AND r.day = CAST(d AS date) AND r.finished_at IS NOT NULL
          AND r.started_at >= (d + interval '1 day') AT TIME ZONE 'UTC'
        ORDER BY r.id DESC LIMIT 1
    ) AS done ON true
    WHERE done.id IS NULL
       OR (done.started_at <= :again
           AND EXISTS (SELECT FROM difference f WHERE f.reconciliation_id = done.id))
    ORDER BY d LIMIT 1
    """
)
# Of each day the newest comparison holds.
_DIFFERENCES = text(
    """
    SELECT count(*) FROM difference WHERE reconciliation_id IN (
        SELECT DISTINCT ON (rail, day) id FROM reconciliation
        WHERE finished_at IS NOT NULL AND day >= CAST(:since AS date)
        ORDER BY rail, day, id DESC)
    """
)
_MISSING = text(
    """
    INSERT INTO difference (reconciliation_id, kind, payout_id, reference, ours, currency)
    SELECT :id, 'missing_at_rail', p.id, p.reference, p.amount, p.currency FROM payout p
    WHERE p.rail = :rail AND p.sent_at >= :since AND p.sent_at < :until
      AND p.status IN ('accepted', 'paid')
      AND (p.listed_at IS NULL OR p.listed_at < :started)
      AND EXISTS (SELECT FROM payout_step s
                  WHERE s.payout_id = p.id AND s.after IN ('accepted', 'paid')
                    AND s.attempt = p.attempts AND s.happened_at < :started)
    """
)


@dataclass(frozen=True)
class Work:
    """A comparison under way."""

    id: int
    rail: RailName
    day: date
    started_at: datetime
    reached_at: datetime
    """Down to here the list was compared; from here on it is still to be read."""

    @property
    def begins_at(self) -> datetime:
        """When the day begins."""
        return datetime.combine(self.day, time(), tzinfo=UTC)

    @property
    def ends_at(self) -> datetime:
        """When the day is over."""
        return self.begins_at + timedelta(days=1)


@dataclass(frozen=True)
class Outlook:
    """How rails and payouts agree."""

    differences: int
    """Of the newest comparison of each of the last days."""
    behind_since: datetime | None
    """When the oldest day could have been compared that was not; None if there is no such day."""


def due(session: Session, rail: RailName, now: datetime) -> date | None:
    """Return the oldest day that is to be compared now, for the first time or once more.

    The days begin with the first payout of the last while.
    """
    return _oldest(session, rail, now, again=now - AGAIN_AFTER)


def _oldest(session: Session, rail: RailName, now: datetime, again: datetime) -> date | None:
    """Return the oldest day not compared, or that differed in a comparison begun by `again`."""
    first = session.scalar(_FIRST, {"rail": rail, "since": now - BACK})
    last = (now - READY_AFTER - timedelta(days=1)).date()
    if first is None or first.date() > last:
        return None
    values = {"rail": rail, "first": first.date(), "last": last, "again": again}
    found: date | None = session.scalar(_DUE, values)
    return found


def begin(session: Session, rail: RailName, day: date, now: datetime) -> Work:
    """Begin a day's comparison."""
    made = Reconciliation(rail=rail, day=day, started_at=now, compared=0)
    session.add(made)
    session.flush()
    return _work(made)


def go_on(session: Session, rail: RailName, day: date, now: datetime) -> Work:
    """Go on with a day's comparison that somebody has left lately, or begin one."""
    left = session.scalar(
        select(Reconciliation)
        .filter_by(rail=rail, day=day, finished_at=None)
        .where(Reconciliation.started_at > now - LEFT_FOR)
        .order_by(Reconciliation.id.desc())
        .limit(1)
    )
    return begin(session, rail, day, now) if left is None else _work(left)


def finish(session: Session, work: Work, now: datetime) -> list[Difference]:
    """Find what the whole list lacks, end a comparison, and return all that differs."""
    values = {"id": work.id, "rail": work.rail, "started": work.started_at}
    session.execute(_MISSING, {**values, "since": work.begins_at, "until": work.ends_at})
    done = session.get_one(Reconciliation, work.id)
    done.finished_at = now
    found = select(Difference).filter_by(reconciliation_id=work.id).order_by(Difference.id)
    return list(session.scalars(found))


def outlook(session: Session, rails: Sequence[RailName], now: datetime) -> Outlook:
    """Say how rails and payouts agree."""
    since = (now - BACK).date()
    number = session.scalar(_DIFFERENCES, {"since": since}) or 0
    behind = [day for rail in rails if (day := _oldest(session, rail, now, now - 2 * BACK))]
    if not behind:
        return Outlook(number, None)
    ready = datetime.combine(min(behind), time(), tzinfo=UTC) + timedelta(days=1) + READY_AFTER
    return Outlook(number, ready)


def _work(row: Reconciliation) -> Work:
    end = datetime.combine(row.day, time(), tzinfo=UTC) + timedelta(days=1)
    reached = row.reached_at or min(end + SENT_FOR + SKEW, row.started_at + SKEW)
    return Work(row.id, row.rail, row.day, row.started_at, reached)
