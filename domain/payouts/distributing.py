"""Distribution: a competition's awards released for payment, once, one payout for each.

Payouts are laid out page by page in order of their awards, each page in a transaction of its own
together with how far it came, so it can be killed anywhere and goes on where it was.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.errors import Conflict, NotFound
from domain.ids import alike, new_id
from models import Award, Competition, Distribution, Payout, PrizePlan
from models.competition import CompetitionStatus
from models.payout import PayoutStatus

PAGE_ROWS = 20_000

_LAY_OUT = text(
    f"""
    WITH page AS (
        SELECT * FROM award
        WHERE competition_id = :competition_id AND id > :laid_out_to
        ORDER BY id LIMIT :rows
    ), made AS (
        INSERT INTO payout (id, award_id, distribution_id, competition_id, person_id, amount,
                            currency, status, due_at, created_at)
        SELECT {alike("'payout:' || id")}, id, :distribution_id, competition_id, person_id,
               amount, currency, 'pending', :now, :now
        FROM page
    )
    SELECT count(*) AS rows, max(id::text)::uuid AS last FROM page
    """  # noqa: S608  our own text
)
FIRST = uuid.UUID(int=0)
"""Before all awards."""


@dataclass(frozen=True)
class Distributed:
    """A distribution and how far it is."""

    distribution: Distribution
    awards: int
    counts: dict[PayoutStatus, int]
    """Payouts that are made already."""

    @property
    def payouts(self) -> int:
        """How many there are in the end; corrections may add some."""
        whole = self.distribution.laid_out_at is not None
        return sum(self.counts.values()) if whole else self.awards

    @property
    def state(self) -> str:
        """`preparing` while payouts are made, `paying`, then `done` when each is paid or back."""
        if self.distribution.laid_out_at is None:
            return "preparing"
        over = self.counts.get(PayoutStatus.PAID, 0) + self.counts.get(PayoutStatus.RETURNED, 0)
        return "done" if over == self.payouts else "paying"


def distribute(
    session: Session, competition_id: uuid.UUID, author_id: int | None, now: datetime
) -> Distributed:
    """Release a final competition's awards; repeating it returns the same distribution.

    Raises NotFound (`competition_not_found`) or Conflict (`competition_not_final`,
    `prizes_not_calculated`).
    """
    status = session.scalar(select(Competition.status).where(Competition.id == competition_id))
    if status is None:
        raise NotFound("There is no such competition for you.", code="competition_not_found")
    if status is not CompetitionStatus.FINAL:
        raise Conflict("Only a final competition pays.", code="competition_not_final")
    plan = session.get(PrizePlan, competition_id)
    if plan is None or plan.settled_at is None:
        raise not_calculated()
    release(session, competition_id, author_id, now)
    return get(session, competition_id)


def release(
    session: Session, competition_id: uuid.UUID, author_id: int | None, now: datetime
) -> None:
    """Let the awards of a competition be paid, once. All of them are written."""
    wanted = insert(Distribution).values(
        id=new_id(), competition_id=competition_id, requested_at=now, author_id=author_id
    )
    session.execute(wanted.on_conflict_do_nothing(index_elements=["competition_id"]))


def not_calculated() -> Conflict:
    """Return the refusal of what needs all awards to be there."""
    return Conflict("Its prizes are not calculated.", code="prizes_not_calculated")


def get(session: Session, competition_id: uuid.UUID) -> Distributed:
    """Return a competition's distribution. Raises NotFound (`distribution_not_found`)."""
    found = session.scalar(select(Distribution).filter_by(competition_id=competition_id))
    if found is None:
        raise NotFound("Nothing was distributed yet.", code="distribution_not_found")
    awards = select(func.count()).select_from(Award).filter_by(competition_id=competition_id)
    counts = (
        select(Payout.status, func.count())
        .filter_by(competition_id=competition_id)
        .group_by(Payout.status)
    )
    return Distributed(
        found, session.scalars(awards).one(), {row[0]: row[1] for row in session.execute(counts)}
    )


def unfinished(session: Session, limit: int) -> list[uuid.UUID]:
    """Return distributions that lack payouts, the oldest first."""
    found = select(Distribution.id).where(Distribution.laid_out_at.is_(None))
    return list(session.scalars(found.order_by(Distribution.id).limit(limit)))


def lay_out_page(session: Session, distribution_id: uuid.UUID, now: datetime) -> int:
    """Make the next page of payouts; the one that is not full ends it. Return how many.

    None are made while somebody else is at it.
    """
    distribution = session.scalar(
        select(Distribution)
        .where(Distribution.id == distribution_id, Distribution.laid_out_at.is_(None))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if distribution is None:
        return 0
    values = {
        "competition_id": distribution.competition_id,
        "distribution_id": distribution.id,
        "laid_out_to": distribution.laid_out_to or FIRST,
        "rows": PAGE_ROWS,
        "now": now,
    }
    page = session.execute(_LAY_OUT, values).one()
    distribution.laid_out_to = page.last or distribution.laid_out_to
    if page.rows < PAGE_ROWS:
        distribution.laid_out_at = now
    return int(page.rows)
