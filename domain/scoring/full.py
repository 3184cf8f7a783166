"""Every score of a competition anew, in pages of people: each page is a transaction of its own.

So nobody waits for long, and whoever is stopped goes on after the last page that was committed.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.errors import Conflict
from domain.leaderboards.marks import mark_dirty
from domain.locks import lock_for_data
from domain.scoring.recompute import recompute_people

PAGE = 50
"""People. Their slots of a month fit into the memory that a session has for sorting."""


@dataclass(frozen=True)
class Page:
    """What a page did."""

    last: int
    """The person that the next page comes after."""
    changed: int
    """Scores that were not what their slots say."""


def recompute_page(
    session: Session, competition_id: uuid.UUID, after: int, now: datetime
) -> Page | None:
    """Count every day of the people who come after `after`; None when there are no more.

    Raises Conflict (`competition_over`) when the competition takes no more data: what came since
    must not count.
    """
    person_ids = session.scalars(
        text(
            "SELECT person_id FROM participant WHERE competition_id = :competition_id"
            " AND person_id > :after ORDER BY person_id LIMIT :page"
        ),
        {"competition_id": competition_id, "after": after, "page": PAGE},
    ).all()
    if not person_ids:
        return None
    if competition_id not in lock_for_data(session, person_ids, now).open:
        raise Conflict("It takes no more data.", code="competition_over")
    changed = recompute_people(session, competition_id, person_ids)
    mark_dirty(session, changed)
    return Page(person_ids[-1], len(changed))
