"""A board against a plain dictionary, under everything that can happen to it."""

from contextlib import suppress
from typing import Any, cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from domain import clock
from domain.leaderboards import rebuild as rebuilds
from domain.leaderboards import sweep, table
from domain.leaderboards.board import TOP, Entry, Position, Row
from domain.leaderboards.flush import BoardLost, Outcome, flush_board
from domain.leaderboards.keys import board_key, state_key, stream_key
from domain.leaderboards.marks import mark_dirty
from domain.leaderboards.rebuild import Rebuild
from domain.leaderboards.store import BoardStore
from domain.redis import Redis
from models import Person
from models.competition import MAX_SCORE
from tests.factories import Factory
from tests.integration.leaderboards.conftest import (
    Contest,
    Saved,
    ranking,
    restore,
    save,
)
from worker.unit import unit_of_work

PEOPLE = 108
"""A few more than the top, so that people enter and leave it."""
SCORES = st.one_of(st.integers(0, 6), st.integers(0, MAX_SCORE))
_PEOPLE = text("""
    INSERT INTO person (sub, user_id, display_name, timezone, created_at)
    SELECT id, id, 'Someone', 'UTC', '2026-11-20T00:00:00Z' FROM (
        SELECT CAST(md5(CAST(n AS text)) AS uuid) AS id FROM generate_series(1, :people) AS n
    ) AS made
""")
ANYONE = st.integers(0, PEOPLE - 1)


class Watcher:
    """Keeps the top by the contract's rule, from a snapshot and the steps after it."""

    def __init__(self, contest: Contest) -> None:
        self.contest = contest
        self.position: Position | None = None
        self.scores: dict[str, int] = {}
        self.status = ""

    def catch_up(self) -> None:
        """Apply what was missed, or start anew where that cannot be told."""
        entries = None
        if self.position is not None:
            entries = self.contest.store.since(self.contest.id, *self.position)
        if entries is None:
            self._snapshot()
        for entry in entries or []:
            self._apply(entry)

    def top(self) -> list[Row]:
        """Return what is on the watcher's screen."""
        return ranking(self.scores)

    def _snapshot(self) -> None:
        reading = self.contest.store.read_top_and_places(self.contest.id, [])
        self.position = None if reading is None else reading.page.position
        if reading is not None:
            self.scores = {row.user_id: row.score for row in reading.page.rows}
            self.status = reading.page.status

    def _apply(self, entry: Entry) -> None:
        assert self.position is not None
        self.position = Position(self.position.epoch, entry.offset)
        self.scores.update(entry.rows)
        for user_id in entry.removed:
            del self.scores[user_id]
        self.status = entry.status or self.status


class BoardMachine(RuleBasedStateMachine):
    """PostgreSQL always equals the dictionary; Redis does after a sweep and a flush."""

    def __init__(self, engine: Engine, redis: Redis) -> None:
        super().__init__()
        self.engine = engine
        self.redis = redis
        self.rebuild: Rebuild | None = None
        self.late: list[tuple[Position, str, list[tuple[str, int | None]]]] = []
        self.saved: Saved | None = None

    @initialize(scores=st.lists(st.integers(0, 6), min_size=PEOPLE - 4, max_size=PEOPLE))
    def begin(self, scores: list[int]) -> None:
        self.redis.flushall()
        with Session(self.engine, expire_on_commit=False) as session:
            session.execute(text("TRUNCATE person, board_dirty RESTART IDENTITY CASCADE"))
            session.execute(_PEOPLE, {"people": PEOPLE})
            people = session.execute(text("SELECT CAST(user_id AS text), id FROM person")).all()
            organiser = session.scalars(select(Person).order_by(Person.id)).first()
            competition = Factory(session).competition(organiser)
        self.contest = Contest(self.engine, BoardStore(self.redis), competition)
        self.contest.people = {row[0]: row[1] for row in people}
        self.users = sorted(self.contest.people, key=self.contest.people.__getitem__)
        self.truth: dict[str, int] = {}
        self.status = "active"
        self.watcher = Watcher(self.contest)
        self.join_all(dict(zip(self.users, scores, strict=False)))
        self.settle()

    def join_all(self, scores: dict[str, int]) -> None:
        with unit_of_work(self.engine) as unit:
            people = [self.contest.people[user_id] for user_id in scores]
            unit.session.execute(
                text(
                    "INSERT INTO participant"
                    " (competition_id, person_id, user_id, joined_at, computed)"
                    " SELECT :id, person.id, person.user_id, :now, joining.score FROM unnest("
                    " CAST(:people AS bigint[]), CAST(:scores AS bigint[])) AS joining (id, score)"
                    " JOIN person ON person.id = joining.id"
                ),
                {
                    "id": self.contest.id,
                    "now": clock.now(),
                    "people": people,
                    "scores": list(scores.values()),
                },
            )
            mark_dirty(unit.session, ((self.contest.id, person) for person in people))
        self.truth.update(scores)

    @rule(changes=st.dictionaries(ANYONE, SCORES, min_size=1, max_size=5))
    def change_scores(self, changes: dict[int, int]) -> None:
        users = {self.users[n]: score for n, score in changes.items()}
        known = {id_: score for id_, score in users.items() if id_ in self.truth}
        self.contest.score(known)
        self.truth.update(known)

    @rule(number=ANYONE)
    def join_or_leave(self, number: int) -> None:
        user_id = self.users[number]
        if user_id not in self.truth:
            self.join_all({user_id: 0})
            return
        with unit_of_work(self.engine) as unit:
            person = self.contest.people[user_id]
            unit.session.execute(
                text("DELETE FROM participant WHERE competition_id = :id AND person_id = :person"),
                {"id": self.contest.id, "person": person},
            )
            mark_dirty(unit.session, [(self.contest.id, person)])
        del self.truth[user_id]

    @rule(status=st.sampled_from(["active", "closing"]))
    def turn(self, status: str) -> None:
        self.contest.turn(status)
        self.status = status

    @rule()
    def flush(self) -> None:
        self._flush()

    @rule()
    def flusher_dies_before_its_commit(self) -> None:
        with Session(self.engine) as session:
            with suppress(BoardLost):
                flush_board(session, self.contest.store, self.contest.id, clock.now())
            session.rollback()

    @rule(changes=st.dictionaries(ANYONE, SCORES, max_size=3))
    def flusher_is_paused(self, changes: dict[int, int]) -> None:
        sent = [(self.users[n], score) for n, score in changes.items()]
        self.late.append((self.contest.known(), self.status, [*sent]))

    @precondition(lambda self: self.late)
    @rule()
    def paused_flusher_wakes(self) -> None:
        """Its session was ended long ago, and another flush has been there since."""
        known, status, changes = self.late.pop()
        if known != self.contest.known():
            self.contest.store.flush(self.contest.id, known, status, changes)

    @rule(key=st.sampled_from([board_key, state_key, stream_key]))
    def lose_a_key(self, key: Any) -> None:
        self.redis.delete(key(self.contest.id))

    @rule()
    def lose_everything(self) -> None:
        self.redis.flushall()

    @rule()
    def back_up(self) -> None:
        if self.contest.store.states([self.contest.id])[self.contest.id] == self.contest.known():
            self.saved = save(self.redis)

    @precondition(lambda self: self.saved is not None)
    @rule()
    def restore(self) -> None:
        assert self.saved is not None
        self.redis.flushall()
        restore(self.redis, self.saved)
        self.late.clear()

    @precondition(lambda self: self.rebuild is None)
    @rule(force=st.booleans())
    def begin_rebuild(self, force: bool) -> None:
        with unit_of_work(self.engine) as unit:
            self.rebuild = rebuilds.begin(
                unit.session, self.contest.store, self.contest.id, clock.now(), force=force
            )

    @precondition(lambda self: self.rebuild is not None)
    @rule()
    def copy_a_page(self) -> None:
        assert self.rebuild is not None
        self._copy(self.rebuild, 40)

    @precondition(lambda self: self.rebuild is not None)
    @rule()
    def finish_rebuild(self) -> None:
        assert self.rebuild is not None
        while self._copy(self.rebuild, 40):
            pass
        with unit_of_work(self.engine) as unit:
            rebuilds.finish(unit.session, self.contest.store, self.rebuild)
        self.rebuild = None

    @precondition(lambda self: self.rebuild is None)
    @rule()
    def settle(self) -> None:
        """One sweep, what it asks for, and the flushes that follow."""
        store, contest = self.contest.store, self.contest
        with Session(self.engine) as session:
            found = sweep.compare(store, sweep.known_boards(session, clock.now()))
        if contest.id in found.lost:
            self.begin_rebuild(force=False)
            if self.rebuild is not None:
                self.finish_rebuild()
        if contest.id in found.stale:
            with unit_of_work(self.engine) as unit:
                mark_dirty(unit.session, [(contest.id, None)])
        while self._flush() is Outcome.FLUSHED:
            pass
        assert store.pictures([contest.id])[contest.id] == (contest.known(), self.status)
        assert contest.shown() == self.truth
        assert contest.marks() == 0

    @invariant()
    def the_table_tells_the_truth(self) -> None:
        whole = ranking(self.truth)
        someone = self.users[7]
        me = next((row for row in whole if row.user_id == someone), None)
        with Session(self.engine) as session:
            read = table.page(session, self.contest.id, 3, 9, someone)
            around = table.around(session, self.contest.id, someone, 6, someone)
            users = table.users(session, self.contest.id, self.users[5:9], someone)
        assert read is not None
        assert around is not None
        assert users is not None
        assert (read[0].rows, read[0].total, read[0].status) == (
            whole[3:12],
            len(whole),
            self.status,
        )
        assert [read[1], around[1], users[1]] == [me] * 3
        assert around[0].rows == _window(whole, me, 6)
        assert users[0].rows == [row for row in whole if row.user_id in self.users[5:9]]

    @invariant()
    def redis_agrees_with_itself_and_with_the_watcher(self) -> None:
        store, someone = self.contest.store, self.users[7]
        read = store.read_page(self.contest.id, 0, 1000, someone)
        if read is None:
            return
        page, me = read
        whole = ranking({row.user_id: row.score for row in page.rows})
        assert page.rows == whole
        assert me == next((row for row in whole if row.user_id == someone), None)
        middle = store.read_page(self.contest.id, 3, 9)
        around = store.read_around(self.contest.id, someone, 6)
        users = store.read_users(self.contest.id, self.users[5:9])
        assert middle is not None
        assert around is not None
        assert users is not None
        assert middle[0].rows == whole[3:12]
        assert around[0].rows == _window(whole, me, 6)
        assert users[0].rows == [row for row in whole if row.user_id in self.users[5:9]]
        self.watcher.catch_up()
        assert self.watcher.top() == whole[:TOP]
        assert self.watcher.position == page.position
        assert self.watcher.status == page.status

    def _flush(self) -> Outcome:
        try:
            return self.contest.flush()
        except BoardLost:
            return Outcome.LOST

    def _copy(self, work: Rebuild, size: int) -> int:
        with unit_of_work(self.engine) as unit:
            people = rebuilds.read_page(unit.session, work, clock.now(), size)
        if people:
            rebuilds.copy_page(self.contest.store, work, people)
        return len(people)


def _window(whole: list[Row], centre: Row | None, limit: int) -> list[Row]:
    if centre is None:
        return []
    start = max(0, min(whole.index(centre) - limit // 2, len(whole) - limit))
    return whole[start : start + limit]


def test_a_board_is_right_whatever_happens(engine: Engine, redis: Redis) -> None:
    run_state_machine_as_test(
        cast("type[BoardMachine]", lambda: BoardMachine(engine, redis)),
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
