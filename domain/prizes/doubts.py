"""Doubts that may decide who wins: open flags on people who stand on a place with a prize.

Or who would stand on one if all of their doubted data counted, which is the most that it can add.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.prizes.plan import plan_of
from domain.prizes.ranking import Ranking
from models import Competition
from models.competition import Scoring

# A day in UTC lies on at most two days of the competition's zone.
_DOUBTED = text(
    """
    SELECT EXISTS (
        SELECT FROM (
            SELECT f.person_id, CASE WHEN :counts_days THEN 2 * count(DISTINCT f.day)
                                     ELSE ceil(sum(held.total) / 1000.0) END AS most
            FROM flag f
            CROSS JOIN LATERAL (SELECT sum(value) AS total FROM unnest(f.slots) AS value) held
            WHERE f.competition_id = :competition_id AND f.decision = 'open'
            GROUP BY f.person_id
        ) doubted
        JOIN participant p USING (person_id)
        WHERE p.competition_id = :competition_id AND p.disqualified_at IS NULL
          AND p.score + doubted.most >= :least
    )
    """
)


def is_prize_doubted(session: Session, competition: Competition) -> bool:
    """Say whether an open flag may decide who wins what, by the scores of this moment."""
    plan = plan_of(session, competition.id)
    if plan is None:
        return False
    asked = {
        "competition_id": competition.id,
        "counts_days": competition.scoring is Scoring.GOAL_DAYS,
        "least": Ranking(competition.id, None).least(session, plan, competition.min_score),
    }
    return bool(session.scalar(_DOUBTED, asked))
