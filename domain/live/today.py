"""What people have done so far today, by the dates of their own zones."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.competitions.calendar import LocalDay, midnight
from domain.fitness.stats import count_days
from models import Person
from models.slots import Metric


@dataclass(frozen=True)
class Today:
    """A person's date, and what was measured on it, in 1/1000 of each unit."""

    date: date
    totals: Mapping[Metric, int]


def todays(
    session: Session, user_ids: Collection[uuid.UUID], now: datetime
) -> dict[uuid.UUID, Today]:
    """Return each person's today."""
    people = session.execute(
        select(Person.user_id, Person.id, Person.timezone).where(Person.user_id.in_(user_ids))
    ).all()
    days = {one.id: _today(one.timezone, now) for one in people}
    totals = {one.id: dict.fromkeys(Metric, 0) for one in people}
    for counted in count_days(session, list(days.items()), now):
        if counted.is_measured:
            totals[counted.person_id][counted.metric] = counted.value
    return {one.user_id: Today(days[one.id].day, totals[one.id]) for one in people}


def _today(timezone: str, now: datetime) -> LocalDay:
    zone = ZoneInfo(timezone)
    day = now.astimezone(zone).date()
    return LocalDay(day, midnight(day, zone), midnight(day + timedelta(days=1), zone))
