"""Full recomputation, for tests that compare it with what stands."""

import uuid

from sqlalchemy.orm import Session

from domain import clock
from domain.scoring.full import pages_after, recompute_page


def recompute_everyone(session: Session, competition_id: uuid.UUID) -> int:
    """Count every day of everyone, in one transaction; return how many scores changed."""
    pages = pages_after(session, competition_id, 0)
    return sum(recompute_page(session, competition_id, page, clock.now()) for page in pages)
