"""Full recomputation, for tests that compare it with what stands."""

import uuid

from sqlalchemy.orm import Session

from domain import clock
from domain.scoring.full import recompute_page


def recompute_everyone(session: Session, competition_id: uuid.UUID) -> int:
    """Count every day of everyone, in one transaction; return how many scores changed."""
    changed = last = 0
    while page := recompute_page(session, competition_id, last, clock.now()):
        changed, last = changed + page.changed, page.last
    return changed
