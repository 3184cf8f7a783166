"""A contest past its cut-off, in which somebody's data is doubted."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from sqlalchemy import select

from domain import clock
from models import Competition, Flag, Person
from models.competition import CompetitionStatus
from models.flag import Decision
from tests.devices import store
from tests.factories import START
from tests.integration.competitions.conftest import Life
from tests.integration.scoring.flagged import SHAKEN, Contest, phone

HOUR = timedelta(hours=1)
END = START + 24 * HOUR
GRACE_HOURS = 6
DOUBTED = {40: SHAKEN, 41: 700}
"""A score of 700, and of 4700 once it is accepted."""


class Doubted(Contest):
    """A contest of a day, which waits for its freeze or its review."""

    def __init__(self, life: Life, scores: Iterable[int] = ()) -> None:
        session, organiser = life.factory.session, life.factory.person()
        competition = life.factory.competition(
            organiser,
            ends_at=END,
            grace_hours=GRACE_HOURS,
            review_hours=1_000,
            status=CompetitionStatus.CLOSING,
        )
        self.life = life
        super().__init__(life.engine, session, organiser, self.joined(competition), competition)
        self.measure(self.person, DOUBTED)
        for score in scores:
            self.joined(competition, score)

    def joined(self, competition: Competition, score: int = 0) -> Person:
        """Make a participant."""
        person = self.life.factory.person()
        self.life.factory.participant(competition, person, score)
        return person

    def measure(self, person: Person, steps: Mapping[int, int], hours: float = 5) -> None:
        """Store what somebody's phone has, some hours after the end; six are too many."""
        with clock.moved(END + hours * HOUR - clock.now()):
            store(self.engine, person, [phone(steps)])

    def flag_of(self, person: Person) -> Flag:
        """Return somebody's only flag."""
        self.session.rollback()
        return self.session.scalars(
            select(Flag).filter_by(competition_id=self.competition.id, person_id=person.id)
        ).one()

    def answer(self, decision: Decision) -> None:
        """Decide on the first person's flag, and leave all else to the sweep."""
        self.decide(self.flag_of(self.person), decision, "Looked at it.")

    def versions(self) -> list[list[tuple[int, ...]]]:
        """Return the rows of each version, all of which are complete."""
        found = self.life.versions(self.competition)
        assert all(complete for _, complete in found)
        return [self.life.frozen(self.competition, version) for version, _ in found]

    def ranking(self) -> list[tuple[int, ...]]:
        """Rank the scores as they are."""
        return self.life.ranking(self.competition)
