"""One competition of a benchmark."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from domain import clock
from domain.competitions.calendar import days_of
from domain.ids import new_id
from models import Board, Competition, CompetitionDay
from models.competition import CompetitionStatus, Scoring, Sources, Visibility
from models.slots import Metric


def make_competition(
    connection: Connection,
    organiser_id: int,
    starts_at: datetime,
    ends_at: datetime,
    **columns: Any,
) -> uuid.UUID:
    """Make an active competition in steps with its calendar and board; any column can be given."""
    competition_id = new_id()
    values = {
        "id": competition_id,
        "organiser_id": organiser_id,
        "name": "Bench",
        "metric": Metric.STEPS,
        "scoring": Scoring.TOTAL,
        "sources": Sources.MEASURED,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "timezone": "UTC",
        "grace_hours": 24,
        "review_hours": 0,
        "late_join": True,
        "visibility": Visibility.PUBLIC,
        "status": CompetitionStatus.ACTIVE,
        "created_at": clock.now(),
        **columns,
    }
    connection.execute(insert(Competition).values(values))
    connection.execute(insert(Board).values(competition_id=competition_id, epoch="bench"))
    connection.execute(
        insert(CompetitionDay),
        [
            {
                "competition_id": competition_id,
                "day": day.day,
                "starts_at": day.start,
                "ends_at": day.end,
            }
            for day in days_of(starts_at, ends_at, values["timezone"])
        ],
    )
    return competition_id
