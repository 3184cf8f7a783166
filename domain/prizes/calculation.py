"""Prizes calculated: a final competition's pool shared out, once.

What each winner gets is settled when a calculation begins: by the standing that holds then, and a
later correction changes no award. The awards are then written page by page in order of place, each
page in a transaction of its own together with how far it came and with its postings, so it can be
killed anywhere and goes on where it was.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.competitions.cancelled import refuse_cancelled
from domain.competitions.freezing import is_standing_complete
from domain.competitions.life import hold
from domain.competitions.standing import newest
from domain.errors import Conflict, Unavailable
from domain.ids import NUMBERED
from domain.ledger.awards import post_awards
from domain.payouts.distributing import release
from domain.prizes import pool
from domain.prizes.funding import no_prize
from domain.prizes.plan import as_plan
from domain.prizes.ranking import Ranking, Winner
from domain.prizes.split import Run, Split
from models import Competition, PrizeCalculation, PrizePlan, Standing
from models.competition import CompetitionStatus

PAGE_ROWS = 20_000

_OWED = text(
    """
    SELECT p.competition_id FROM prize_plan p
    JOIN competition c ON c.id = p.competition_id AND c.status = 'final'
    WHERE p.settled_at IS NULL AND p.competition_id <> ALL(:passed)
    ORDER BY p.competition_id LIMIT :limit
    """
)
_AWARD = text(
    f"""
    WITH made AS (
        INSERT INTO award (id, competition_id, person_id, rank, amount, currency)
        SELECT {NUMBERED}, :competition_id, person_id, rank, amount, :currency FROM (
            SELECT r.place AS number, r.person_id, r.rank, run.amount
            FROM unnest(CAST(:firsts AS integer[]), CAST(:lasts AS integer[]),
                        CAST(:amounts AS bigint[])) AS run(first, last, amount)
            CROSS JOIN LATERAL standing_places(:standing_id, run.first, run.last) r
        ) winners ORDER BY number
        RETURNING id
    )
    SELECT count(*) AS rows, min(id::text)::uuid AS first, max(id::text)::uuid AS last FROM made
    """  # noqa: S608  our own text
)


@dataclass(frozen=True)
class Calculated:
    """A pool shared out, for a look or for good."""

    preview: bool
    currency: str
    shared: Split
    winners: Iterator[Winner]
    """To be read once, while the session is open."""


def preview(session: Session, competition: Competition) -> Calculated:
    """Share a pool among those who lead now, or in the standing under review. Stores nothing.

    Raises Conflict (`no_prize`, `competition_cancelled`).
    """
    plan = session.get(PrizePlan, competition.id)
    if plan is None:
        raise no_prize()
    refuse_cancelled(competition)
    ranking = Ranking(competition.id, newest(session, competition.id))
    shared = ranking.share(session, as_plan(plan), competition.min_score)
    return Calculated(True, plan.currency, shared, ranking.winners(session, shared))


def stored(session: Session, competition: Competition) -> Calculated:
    """Return what was calculated for good."""
    made = session.get_one(PrizeCalculation, competition.id, populate_existing=True)
    ranking, shared = _settled(session, made, competition)
    return Calculated(False, made.currency, shared, ranking.winners(session, shared))


def owed(session: Session, limit: int, passed: list[uuid.UUID]) -> list[uuid.UUID]:
    """Return final competitions whose pool is not shared out yet, but for those `passed`."""
    return list(session.scalars(_OWED, {"limit": limit, "passed": passed}))


def begin(
    session: Session, competition_id: uuid.UUID, author_id: int | None, now: datetime
) -> Split:
    """Settle once what each winner gets, and return it. Then write pages until there are no more.

    Raises NotFound, Conflict (`no_prize`, `competition_not_final`, `pool_not_funded`), or
    Unavailable while a correction of the standing is being written.
    """
    competition = hold(session, competition_id)
    plan = session.get(PrizePlan, competition_id, populate_existing=True)
    if plan is None:
        raise no_prize()
    if competition.status is not CompetitionStatus.FINAL:
        raise Conflict("Only a final competition pays.", code="competition_not_final")
    made = session.get(PrizeCalculation, competition_id, populate_existing=True)
    if made is not None:
        return _settled(session, made, competition)[1]
    standing = newest(session, competition_id)
    if standing is None or not is_standing_complete(session, competition_id):
        raise Unavailable("Its standing is just being corrected.", retry_after=2)
    if pool.money_in(session, plan) < plan.pool:
        raise Conflict("Its pool is not covered.", code="pool_not_funded")
    ranking = Ranking(competition_id, standing)
    shared = ranking.share(session, as_plan(plan), competition.min_score)
    session.add(
        PrizeCalculation(
            competition_id=competition_id,
            standing_id=standing.id,
            currency=plan.currency,
            pool=plan.pool,
            remainder=shared.remainder,
            total=shared.total,
            calculated_at=now,
            author_id=author_id,
        )
    )
    pool.give_back_remainder(session, plan, shared.remainder, now)
    return shared


def write_page(session: Session, competition_id: uuid.UUID, shared: Split, now: datetime) -> bool:
    """Write the next page of what was settled; say whether there is more.

    With the last one a plan that pays by itself is distributed: then ring `payouts.pay`.
    Whoever comes at the same time waits, then goes on behind it.
    """
    plan = session.get_one(
        PrizePlan, competition_id, populate_existing=True, with_for_update={"key_share": True}
    )
    if plan.settled_at is not None:
        return False
    plan.awarded += _write(session, plan, shared.page(plan.awarded, PAGE_ROWS), now)
    if plan.awarded < shared.winners:
        return True
    plan.settled_at = now
    if plan.auto_distribute:
        release(session, competition_id, None, now)
    return False


def _settled(
    session: Session, made: PrizeCalculation, competition: Competition
) -> tuple[Ranking, Split]:
    """Reckon once more what was settled: plan and standing never change again."""
    plan = session.get_one(PrizePlan, competition.id)
    ranking = Ranking(competition.id, session.get_one(Standing, made.standing_id))
    return ranking, ranking.share(session, as_plan(plan), competition.min_score)


def _write(session: Session, plan: PrizePlan, runs: list[Run], now: datetime) -> int:
    """Award places what they get, and post it; return how many there were."""
    if not runs:
        return 0
    values = {
        "competition_id": plan.competition_id,
        "standing_id": session.get_one(PrizeCalculation, plan.competition_id).standing_id,
        "currency": plan.currency,
        "firsts": [run.first for run in runs],
        "lasts": [run.last for run in runs],
        "amounts": [run.amount for run in runs],
        "now": now,
    }
    made = session.execute(_AWARD, values).one()
    if made.rows != runs[-1].last - plan.awarded:
        raise ValueError(f"the standing of {plan.competition_id} lacks places")
    post_awards(session, pool.account_of(plan), made.first, made.last, now)
    return int(made.rows)
