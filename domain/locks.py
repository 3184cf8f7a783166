"""The one lock order of everything that changes participation or scores.

First the touched people's rows in id order, then the touched competitions' advisory locks in id
order, shared. Only a freeze and a change of rules take a competition's lock exclusively; advisory
locks queue fairly, so a steady stream of writers cannot starve them.
"""

import uuid
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session


def lock_people(session: Session, person_ids: Collection[int]) -> None:
    """Lock people's rows until the transaction ends."""
    session.execute(
        text("SELECT FROM person WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE"),
        {"ids": sorted(person_ids)},
    )


def try_lock_people(session: Session, person_ids: Collection[int]) -> bool:
    """Lock people's rows without waiting, which may be done out of order; say whether all came."""
    found = session.execute(
        text("SELECT id FROM person WHERE id = ANY(:ids) FOR NO KEY UPDATE SKIP LOCKED"),
        {"ids": sorted(person_ids)},
    )
    return len(found.all()) == len(person_ids)


def lock_competition_alone(session: Session, competition_id: uuid.UUID) -> None:
    """Keep every writer out of a competition until the transaction ends."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(CAST(:id AS text), 0))"),
        {"id": str(competition_id)},
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


def lock_for_data(session: Session, person_ids: Collection[int], now: datetime) -> list[uuid.UUID]:
    """Lock people and all competitions that they are in; return those that still take data."""
    lock_people(session, person_ids)
    people = {"people": list(person_ids)}
    joined = text("SELECT DISTINCT competition_id FROM participant WHERE person_id = ANY(:people)")
    competition_ids = list(session.scalars(joined, people))
    lock_competitions_shared(session, competition_ids)
    return list(
        session.scalars(
            text(
                "SELECT id FROM competition WHERE id = ANY(:ids)"
                " AND status IN ('upcoming', 'active', 'closing')"
                " AND ends_at + make_interval(hours => grace_hours) > :now"
            ),
            {"ids": competition_ids, "now": now},
        )
    )
