"""The one lock order of everything that changes participation or scores.

First the touched people's rows in id order, then the touched competitions' advisory locks in id
order, shared; last a competition's own row, and behind it those of its prize. Only who shuts a
competition (an end before its time, a cancellation, the freeze) or changes its rules takes its lock
exclusively; advisory locks queue fairly, so a steady stream of writers cannot starve it.
"""

import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from domain.errors import NotFound
from models.slots import Metric

_LOCK = text(
    "SELECT id, sub IS NULL AS erased FROM person WHERE id = ANY(:ids) ORDER BY id"
    " FOR NO KEY UPDATE"
)


class AccountGone(NotFound):
    """Someone who acts was erased meanwhile."""

    code = "account_gone"

    def __init__(self) -> None:
        super().__init__("This account is gone.")


def lock_people(session: Session, person_ids: Collection[int]) -> frozenset[int]:
    """Lock people's rows until the transaction ends; return those whose account is gone."""
    rows = session.execute(_LOCK, {"ids": sorted(person_ids)}).all()
    return frozenset(row.id for row in rows if row.erased)


def lock_account(session: Session, person_id: int) -> None:
    """Lock the row of someone who acts. Raises AccountGone when they were erased."""
    if lock_people(session, [person_id]):
        raise AccountGone


def try_lock_people(session: Session, person_ids: Collection[int]) -> bool:
    """Lock people's rows without waiting, which may be done out of order; say whether all came."""
    found = session.execute(
        text("SELECT id FROM person WHERE id = ANY(:ids) FOR NO KEY UPDATE SKIP LOCKED"),
        {"ids": sorted(person_ids)},
    )
    return len(found.all()) == len(person_ids)


_JOINED = text(
    """
    SELECT id, pg_advisory_xact_lock_shared(hashtextextended(id::text, 0))
    FROM (SELECT DISTINCT competition_id AS id FROM participant
          WHERE person_id = ANY(:people) ORDER BY competition_id OFFSET 0) AS joined
    """
)


def lock_competitions_shared(session: Session, competition_ids: Collection[uuid.UUID]) -> None:
    """Hold competitions open for writing until the transaction ends.

    What was read of them before may be stale: read status and cut-off in a new statement.
    """
    session.execute(
        text(
            "SELECT pg_advisory_xact_lock_shared(hashtextextended(id::text, 0))"
            " FROM unnest(CAST(:ids AS uuid[])) AS id"
        ),
        {"ids": sorted(competition_ids)},
    )


def lock_competition(session: Session, competition_id: uuid.UUID) -> None:
    """Wait until nobody writes to a competition, and keep everybody out until the transaction ends.

    Whoever wrote is wholly in; whoever comes later reads a new status and is wholly out.
    """
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(CAST(:id AS text), 0))"),
        {"id": str(competition_id)},
    )


_TRY = text("SELECT pg_try_advisory_lock(hashtextextended(:work, 0))")
_LET_GO = text("SELECT pg_advisory_unlock(hashtextextended(:work, 0))")


@contextmanager
def alone_at(engine: Engine, work: str) -> Iterator[bool]:
    """Say whether nobody else is at work that takes many transactions; it is free when one dies."""
    name = {"work": work}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        alone = bool(connection.scalar(_TRY, name))
        try:
            yield alone
        finally:
            if alone:
                connection.execute(_LET_GO, name)


@dataclass(frozen=True)
class LockedForData:
    """Competitions of locked people, and the time at which what is written now arrives."""

    open: list[uuid.UUID]
    """Those that still take data."""
    metrics: frozenset[Metric]
    """What those count."""
    closed: list[uuid.UUID]
    """Those past their cut-off: what they counted is kept when it changes."""
    at: datetime
    """Not before any cut-off that was applied while this writer waited."""
    erased: frozenset[int] = frozenset()
    """Those of the people whose account is gone."""


_TAKING = text(
    """
    SELECT id, cutoff_at, metric,
           status IN ('upcoming', 'active', 'closing') AND cutoff_at > :now
               AND shut_at IS NULL AS open,
           status <> 'cancelled' AS counts
    FROM competition WHERE id = ANY(:ids)
    """
)


def lock_for_data(session: Session, person_ids: Collection[int], now: datetime) -> LockedForData:
    """Lock people and all competitions that they are in; say which of those still take data."""
    erased = lock_people(session, person_ids)
    competition_ids = list(session.scalars(_JOINED, {"people": list(person_ids)}))
    found = session.execute(_TAKING, {"ids": competition_ids, "now": now}).all()
    closed = [one for one in found if one.counts and not one.open]
    return LockedForData(
        open=[one.id for one in found if one.open],
        metrics=frozenset(Metric(one.metric) for one in found if one.open),
        closed=[one.id for one in closed],
        at=max([now, *(one.cutoff_at for one in closed)]),
        erased=erased,
    )
