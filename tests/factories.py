"""Rows for tests, committed as they are made."""

import uuid
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from domain import clock
from domain.competitions.calendar import days_of
from domain.ids import new_id
from models import (
    Board,
    Competition,
    CompetitionDay,
    FitnessConnection,
    Participant,
    Person,
)
from models.competition import CompetitionStatus, Scoring, Sources, Visibility
from models.connection import ConnectionStatus, Provider
from models.slots import Metric

Row = TypeVar("Row")

START = datetime.combine(clock.now().date() - timedelta(days=2), time(), tzinfo=UTC)
"""Midnight two days ago; the default start of competitions."""


class Factory:
    """Makes rows with sensible defaults; any column can be given."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._people = 0

    def person(self, **columns: Any) -> Person:
        """Make someone."""
        self._people += 1
        sub = columns.pop("sub", None) or uuid.uuid4()
        values = {
            "sub": sub,
            "user_id": sub,
            "display_name": f"Person {self._people}",
            "timezone": "UTC",
            "created_at": clock.now(),
        }
        return self._add(Person(**{**values, **columns}))

    def people(self, count: int) -> list[Person]:
        """Make several people in one transaction."""
        made = [
            Person(
                sub=(sub := uuid.uuid4()),
                user_id=sub,
                display_name=f"Person {n}",
                timezone="UTC",
                created_at=clock.now(),
            )
            for n in range(count)
        ]
        self.session.add_all(made)
        self.session.commit()
        return made

    def competition(self, organiser: Person | None = None, **columns: Any) -> Competition:
        """Make an active competition of ten days, with its calendar and board."""
        values = {
            "id": new_id(),
            "organiser_id": (organiser or self.person()).id,
            "name": "Ten days",
            "metric": Metric.STEPS,
            "scoring": Scoring.TOTAL,
            "sources": Sources.MEASURED,
            "starts_at": START,
            "ends_at": START + timedelta(days=10),
            "timezone": "UTC",
            "grace_hours": 24,
            "review_hours": 0,
            "late_join": True,
            "visibility": Visibility.PUBLIC,
            "status": CompetitionStatus.ACTIVE,
            "created_at": clock.now(),
        }
        competition = Competition(**{**values, **columns})
        self.session.add(competition)
        self.session.flush()
        self.session.add_all(
            CompetitionDay(
                competition_id=competition.id, day=day.day, starts_at=day.start, ends_at=day.end
            )
            for day in days_of(competition.starts_at, competition.ends_at, competition.timezone)
        )
        self.session.add(Board(competition_id=competition.id, epoch=uuid.uuid4().hex[:12]))
        self.session.commit()
        return competition

    def participant(self, competition: Competition, person: Person, score: int = 0) -> Participant:
        """Put someone into a competition with a score, without marking the board."""
        participant = Participant(
            competition_id=competition.id,
            person_id=person.id,
            user_id=person.user_id,
            joined_at=clock.now(),
            computed=score,
        )
        competition.participant_count += 1
        return self._add(participant)

    def connection(self, person: Person, **columns: Any) -> FitnessConnection:
        """Connect someone to Google Fit, without tokens."""
        values = {
            "id": new_id(),
            "person_id": person.id,
            "provider": Provider.GOOGLE_FIT,
            "status": ConnectionStatus.ACTIVE,
            "subject": uuid.uuid4().hex,
            "scopes": [],
            "connected_at": clock.now(),
        }
        return self._add(FitnessConnection(**{**values, **columns}))

    def _add(self, row: Row) -> Row:
        self.session.add(row)
        self.session.commit()
        return row
