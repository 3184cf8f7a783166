"""Every score of a competition anew, in pages of people: each page is a transaction of its own.

So nobody waits for long, and whoever is stopped goes on after the last page that was committed.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.errors import Conflict
from domain.locks import lock_for_data
from domain.scoring.recompute import recompute_people

PAGE = 50
"""People. Their slots of a month fit into the memory that a session has for sorting."""

PEOPLE = text(
    "SELECT person_id FROM participant WHERE competition_id = :competition_id"
    " AND person_id > :after ORDER BY person_id"
)


def pages_after(session: Session, competition_id: uuid.UUID, after: int) -> list[Sequence[int]]:
    """Return the people who come after `after`, by row id, in pages."""
    asked = {"competition_id": competition_id, "after": after}
    people = session.scalars(PEOPLE, asked).all()
    return [people[start : start + PAGE] for start in range(0, len(people), PAGE)]


def recompute_page(
    session: Session, competition_id: uuid.UUID, person_ids: Sequence[int], now: datetime
) -> int:
    """Count every day of these people; return how many scores were not what their slots say.

    Raises Conflict (`competition_over`) when the competition takes no more data: what came since
    must not count.
    """
    if competition_id not in lock_for_data(session, person_ids, now).open:
        raise Conflict("It takes no more data.", code="competition_over")
    return len(recompute_people(session, competition_id, person_ids))
