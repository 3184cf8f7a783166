"""The one lock order of everything that changes participation or scores.

First the touched people's rows in id order, then the touched competitions' advisory locks in id
order, shared. Only a freeze takes a competition's lock exclusively; advisory locks queue fairly, so
a steady stream of writers cannot starve it.
"""

import uuid
from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session


def lock_people(session: Session, person_ids: Collection[int]) -> None:
    """Lock people's rows until the transaction ends."""
    session.execute(
        text("SELECT FROM person WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE"),
        {"ids": sorted(person_ids)},
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
