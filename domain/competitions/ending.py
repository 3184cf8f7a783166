"""Ending a competition before its time."""

import uuid
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.competitions.life import begin, hold, move
from domain.errors import Conflict
from domain.fitness.windows import QUARTER, floor_quarter
from domain.locks import lock_competition
from models import Competition, Person
from models.competition import CompetitionStatus

CUT_DAYS = text(
    """
    WITH gone AS (
        DELETE FROM competition_day WHERE competition_id = :id AND starts_at >= :ends_at
    )
    UPDATE competition_day SET ends_at = :ends_at
    WHERE competition_id = :id AND starts_at < :ends_at AND ends_at > :ends_at
    """
)


def end(
    session: Session,
    competition_id: uuid.UUID,
    author: Person | None,
    reason: str | None,
    now: datetime,
    service: str | None = None,
) -> Competition:
    """End a competition with the running quarter hour, which counts as the cut-off finds it.

    The cut-off is the hours of grace from now. `service` is the name of the one that does it, if no
    person does. Raises Conflict (`competition_not_running`). Whose right it is has been checked.
    """
    lock_competition(session, competition_id)
    competition = hold(session, competition_id)
    if competition.status is CompetitionStatus.UPCOMING and competition.starts_at <= now:
        begin(session, competition, now)
    if competition.status is not CompetitionStatus.ACTIVE or competition.ends_at <= now:
        raise Conflict("Only one that runs can be ended.", code="competition_not_running")
    competition.ended_early_at = now
    competition.ends_at = min(competition.ends_at, floor_quarter(now) + QUARTER)
    # Before it is frozen, pulls are planned for the new times and what lies behind them is
    # discounted, page by page.
    competition.plan_after = 0
    move(session, competition, CompetitionStatus.CLOSING, now, author, reason, service)
    session.execute(CUT_DAYS, {"id": competition_id, "ends_at": competition.ends_at})
    session.refresh(competition)
    return competition
