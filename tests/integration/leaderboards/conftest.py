"""Boards with people on them, and the tasks run in this process."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from domain import clock
from domain.leaderboards.board import Head, Position, Row
from domain.leaderboards.flush import Outcome, flush_board
from domain.leaderboards.marks import mark_dirty
from domain.leaderboards.store import BoardStore, FlushAnswer
from domain.redis import Redis
from domain.settings import Settings
from models import Competition, Participant
from tests.factories import Factory
from worker.app import make_app
from worker.resources import PodiumCelery
from worker.unit import unit_of_work


@pytest.fixture
def store(redis: Redis) -> BoardStore:
    """Boards of an empty Redis."""
    return BoardStore(redis)


@pytest.fixture
def app(settings: Settings, redis: Redis, engine: Engine) -> Iterator[PodiumCelery]:
    """An application with the tasks of the boards."""
    made = make_app(settings)
    made.loader.import_task_module("tasks.leaderboards")
    with made:
        yield made
        made.resources.engine.dispose()
        made.resources.redis.close()


class Contest:
    """A competition with its people, and what a writer of scores does."""

    def __init__(self, engine: Engine, store: BoardStore, competition: Competition) -> None:
        self.engine = engine
        self.store = store
        self.id = competition.id
        self.people: dict[str, int] = {}
        """Person id by user id."""

    def score(self, scores: Mapping[str, int]) -> None:
        """Set scores and mark them, in one transaction."""
        with unit_of_work(self.engine) as unit:
            for user_id, score in scores.items():
                unit.session.execute(
                    text(
                        "UPDATE participant SET computed = :score"
                        " WHERE competition_id = :id AND person_id = :person"
                    ),
                    {"id": self.id, "person": self.people[user_id], "score": score},
                )
            mark_dirty(unit.session, ((self.id, self.people[user_id]) for user_id in scores))

    def turn(self, status: str) -> None:
        """Move the competition to a status and mark it."""
        with unit_of_work(self.engine) as unit:
            unit.session.execute(
                text("UPDATE competition SET status = :status WHERE id = :id"),
                {"id": self.id, "status": status},
            )
            mark_dirty(unit.session, [(self.id, None)])

    def flush(self) -> Outcome:
        """Flush once."""
        with unit_of_work(self.engine) as unit:
            return flush_board(unit.session, self.store, self.id, clock.now())

    def head(self) -> Head:
        """Return where the table thinks that the board stands."""
        with Session(self.engine) as session:
            row = session.execute(
                text('SELECT epoch, "offset", lineage FROM board WHERE competition_id = :id'),
                {"id": self.id},
            ).one()
            return Head(*row)

    def known(self) -> Position:
        """Return the same as readers name it."""
        return self.head().position

    def marks(self) -> int:
        """Count the marks."""
        with Session(self.engine) as session:
            return int(session.scalar(text("SELECT count(*) FROM board_dirty")) or 0)

    def shown(self) -> dict[str, int]:
        """Return the scores that Redis shows."""
        read = self.store.read_page(self.id, 0, 1000)
        assert read is not None
        return {row.user_id: row.score for row in read[0].rows}


class Paused(Exception):
    """A flusher stopped before its script, and its session was ended: its marks are back."""


class PausedStore(BoardStore):
    """Keeps what a flusher was about to send."""

    sends: tuple[Head, str, list[tuple[str, int | None]]]

    def flush(
        self,
        _competition_id: uuid.UUID,
        expected: Head,
        status: str,
        changes: Sequence[tuple[str, int | None]],
    ) -> FlushAnswer:
        self.sends = (expected, status, list(changes))
        raise Paused


Hold = Callable[..., Contest]


@pytest.fixture
def hold(engine: Engine, store: BoardStore, factory: Factory) -> Hold:
    """Make a contest: `hold([30, 20, 20])` has three people with these scores."""

    def make(scores: list[int]) -> Contest:
        competition = factory.competition()
        contest = Contest(engine, store, competition)
        people = sorted(factory.people(len(scores)), key=lambda person: person.user_id)
        factory.session.add_all(
            Participant(
                competition_id=competition.id,
                person_id=person.id,
                user_id=person.user_id,
                joined_at=clock.now(),
                computed=score,
            )
            for person, score in zip(people, scores, strict=True)
        )
        factory.session.commit()
        contest.people = {str(person.user_id): person.id for person in people}
        return contest

    return make


Run = Callable[..., None]


@pytest.fixture
def run(app: PodiumCelery) -> Run:
    """Run a task in this process, and the rebuilds that it sends; flushes are left to the test."""

    def run_task(name: str, **arguments: str) -> None:
        app.tasks[f"leaderboards.{name}"](**arguments)
        with app.connection_for_read() as connection:
            channel: Any = connection.default_channel
            while message := channel.basic_get("boards", no_ack=True):
                if message.headers["task"] == "leaderboards.rebuild":
                    app.tasks["leaderboards.rebuild"](**message.decode()[1])

    return run_task


Saved = dict[bytes, bytes]
"""What Redis knew of the boards, by key."""


def save(redis: Redis) -> Saved:
    """Remember the boards."""
    keys: Any = redis.keys("board:*")
    dumps: dict[bytes, Any] = {key: redis.dump(key) for key in keys}
    return dumps


def restore(redis: Redis, saved: Saved) -> None:
    """Put remembered boards into an empty Redis."""
    for key, dump in saved.items():
        redis.restore(key, 0, dump)


def ranking(scores: Mapping[str, int]) -> list[Row]:
    """Rank people in the slowest, plainest way."""
    ordered = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
    return [
        Row(1 + sum(other > score for other in scores.values()), user_id, score)
        for user_id, score in ordered
    ]
