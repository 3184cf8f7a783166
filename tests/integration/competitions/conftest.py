"""Competitions with many people, and the sweep run in this process."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from domain import clock
from domain.fitness.windows import floor_quarter
from domain.redis import Redis
from domain.settings import Settings
from models import Competition, Participant
from models.competition import CompetitionStatus
from tests.factories import Factory
from worker.app import make_app
from worker.resources import PodiumCelery

JOIN = text(
    """
    WITH people AS (
        INSERT INTO person (sub, user_id, display_name, timezone, created_at)
        SELECT id, id, 'Someone', 'UTC', :now
        FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, :count)) made
        RETURNING id, user_id
    )
    INSERT INTO participant (competition_id, person_id, user_id, joined_at, computed)
    SELECT :id, id, user_id, :now, floor(random() * :highest) FROM people
    """
)
RANKING = text(
    """
    SELECT rank() OVER (ORDER BY score DESC) AS rank, person_id, score, computed, posted
    FROM participant WHERE competition_id = :id AND disqualified_at IS NULL
    ORDER BY score DESC, user_id
    """
)
FROZEN = text(
    """
    SELECT r.rank, r.person_id, r.score, r.computed, r.posted
    FROM standing s CROSS JOIN LATERAL standing_places(s.id, 1, s.row_count) r
    WHERE s.competition_id = :id AND s.version = :version ORDER BY r.place
    """
)
WHOLE_LIFE = [
    ("upcoming", "active"),
    ("active", "closing"),
    ("closing", "provisional"),
    ("provisional", "final"),
]
DEADLINE_SECONDS = 20


class Life:
    """Sees and moves competitions."""

    def __init__(self, engine: Engine, redis: Redis, app: PodiumCelery, factory: Factory) -> None:
        self.engine = engine
        self.redis = redis
        self.app = app
        self.factory = factory

    def over(self, people: int = 0, highest: int = 50, **columns: Any) -> Competition:
        """Make a competition that was over two days ago, and of which nobody has heard since."""
        now = floor_quarter(clock.now())
        competition = self.factory.competition(
            **{
                "status": CompetitionStatus.UPCOMING,
                "starts_at": now - timedelta(days=5),
                "ends_at": now - timedelta(days=2),
                "grace_hours": 24,
                **columns,
            }
        )
        self.fill(competition, people, highest)
        return competition

    def closing(self, scores: list[int]) -> tuple[Competition, list[str]]:
        """Make one that is to be frozen, of people with these scores; return their user ids too."""
        competition = self.over(status=CompetitionStatus.CLOSING)
        people = self.factory.people(len(scores))
        self.factory.session.add_all(
            Participant(
                competition_id=competition.id,
                person_id=person.id,
                user_id=person.user_id,
                joined_at=clock.now(),
                computed=score,
            )
            for person, score in zip(people, scores, strict=True)
        )
        self.factory.session.commit()
        return competition, [str(person.user_id) for person in people]

    def fill(self, competition: Competition, people: int, highest: int = 50) -> None:
        """Let people take part, with scores of which many are equal."""
        with self.engine.begin() as connection:
            values = {"id": competition.id, "count": people, "highest": highest}
            connection.execute(JOIN, {**values, "now": clock.now()})

    def sweep(self) -> None:
        """Sweep, and go on as long as it rings for itself."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        self.app.tasks["competitions.sweep"]()
        while self.redis.exists("bell:competitions.sweep"):
            assert time.monotonic() < deadline
            self.app.tasks["competitions.sweep"]()

    def status(self, competition: Competition) -> str:
        """Return where it stands."""
        return str(self.scalar("SELECT status FROM competition WHERE id = :id", competition))

    def steps(self, competition: Competition) -> list[tuple[str, str]]:
        """Return the steps it took, in the order in which they were taken."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT before, after FROM transition WHERE competition_id = :id"
                    " ORDER BY happened_at, after"
                ),
                {"id": competition.id},
            )
            return [(row.before, row.after) for row in rows]

    def scalar(self, query: str, competition: Competition) -> Any:
        """Ask one question about a competition."""
        with self.engine.connect() as connection:
            return connection.scalar(text(query), {"id": competition.id})

    def ranking(self, competition: Competition) -> list[tuple[int, ...]]:
        """Rank everyone anew."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(RANKING, {"id": competition.id})]

    def frozen(self, competition: Competition, version: int = 1) -> list[tuple[int, ...]]:
        """Return the rows of a version of the standing."""
        which = {"id": competition.id, "version": version}
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(FROZEN, which)]

    def versions(self, competition: Competition) -> list[tuple[int, bool]]:
        """Return the versions and whether they are complete."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT version, completed_at IS NOT NULL FROM standing"
                    " WHERE competition_id = :id ORDER BY version"
                ),
                {"id": competition.id},
            )
            return [(row[0], row[1]) for row in rows]


@pytest.fixture
def worker_app(settings: Settings, redis: Redis, engine: Engine) -> Iterator[PodiumCelery]:
    """An application with the jobs of competitions."""
    made = make_app(settings)
    made.loader.import_task_module("tasks.competitions")
    with made:
        yield made
        made.resources.engine.dispose()
        made.resources.redis.close()


@pytest.fixture
def life(engine: Engine, redis: Redis, worker_app: PodiumCelery, factory: Factory) -> Life:
    """The driver."""
    return Life(engine, redis, worker_app, factory)
