"""A board against a plain dictionary, under everything that can happen to it."""

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

import pytest
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
from domain.competitions import rulings
from domain.leaderboards import rebuild as rebuilds
from domain.leaderboards import sweep, table
from domain.leaderboards.board import TOP, Entry, Head, Page, Place, Position, Row
from domain.leaderboards.flush import BoardLost, Outcome, flush_board
from domain.leaderboards.keys import board_key, state_key, stream_key
from domain.leaderboards.marks import mark_dirty
from domain.leaderboards.rebuild import Rebuild
from domain.leaderboards.store import BoardStore
from domain.redis import Redis
from models import Person, RulingKind
from models.competition import MAX_SCORE
from tests.conftest import wipe
from tests.factories import Factory
from tests.integration.leaderboards.conftest import (
    Contest,
    Paused,
    PausedStore,
    Saved,
    ranking,
    restore,
    save,
)
from tests.rules import ON_SERVERS
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
    """PostgreSQL always equals the dictionary; Redis does after a sweep and a flush.

    And at any time: where Redis stands at the head that the table knows, the lines of all people
    without marks are right.
    """

    def __init__(self, engine: Engine, redis: Redis) -> None:
        super().__init__()
        self.engine = engine
        self.redis = redis
        self.rebuild: Rebuild | None = None
        self.late: list[tuple[Head, str, list[tuple[str, int | None]]]] = []
        self.saved: Saved | None = None

    @initialize(scores=st.lists(st.integers(0, 6), min_size=PEOPLE - 4, max_size=PEOPLE))
    def begin(self, scores: list[int]) -> None:
        self.redis.flushall()
        wipe(self.engine)
        with Session(self.engine, expire_on_commit=False) as session:
            session.execute(_PEOPLE, {"people": PEOPLE})
            people = session.execute(text("SELECT CAST(user_id AS text), id FROM person")).all()
            self.organiser = session.scalars(select(Person).order_by(Person.id).limit(1)).one()
            competition = Factory(session).competition(self.organiser)
        self.contest = Contest(self.engine, BoardStore(self.redis), competition)
        self.contest.people = {row[0]: row[1] for row in people}
        self.users = sorted(self.contest.people, key=self.contest.people.__getitem__)
        self.scores: dict[str, int] = {}
        self.out: set[str] = set()
        self.status = "active"
        self.watcher = Watcher(self.contest)
        self.join_all(dict(zip(self.users, scores, strict=False)))
        self.settle()

    @property
    def truth(self) -> dict[str, int]:
        """What the board must show."""
        return {id_: score for id_, score in self.scores.items() if id_ not in self.out}

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
        self.scores.update(scores)

    @rule(changes=st.dictionaries(ANYONE, SCORES, min_size=1, max_size=5))
    def change_scores(self, changes: dict[int, int]) -> None:
        users = {self.users[n]: score for n, score in changes.items()}
        known = {id_: score for id_, score in users.items() if id_ in self.scores}
        self.contest.score(known)
        self.scores.update(known)

    @rule(number=ANYONE)
    def join_or_leave(self, number: int) -> None:
        user_id = self.users[number]
        if user_id not in self.scores:
            self.join_all({user_id: 0})
            return
        with unit_of_work(self.engine) as unit:
            person = self.contest.people[user_id]
            unit.session.execute(
                text("DELETE FROM participant WHERE competition_id = :id AND person_id = :person"),
                {"id": self.contest.id, "person": person},
            )
            mark_dirty(unit.session, [(self.contest.id, person)])
        del self.scores[user_id]
        self.out.discard(user_id)

    @rule(number=ANYONE)
    def disqualify_or_reinstate(self, number: int) -> None:
        user_id = self.users[number]
        if user_id not in self.scores:
            return
        kind = RulingKind.REINSTATED if user_id in self.out else RulingKind.DISQUALIFIED
        with unit_of_work(self.engine) as unit:
            rulings.rule(
                unit.session,
                self.contest.id,
                uuid.UUID(user_id),
                kind,
                "So it is.",
                self.organiser,
                clock.now(),
            )
        self.out ^= {user_id}

    @rule(status=st.sampled_from(["active", "closing", "provisional"]))
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

    @rule()
    def flusher_is_paused(self) -> None:
        paused = PausedStore(self.redis)
        with suppress(Paused), unit_of_work(self.engine) as unit:
            flush_board(unit.session, paused, self.contest.id, clock.now())
            return
        self.late.append(paused.sends)

    @precondition(lambda self: self.late)
    @rule(number=st.integers(0, 9), again=st.booleans())
    def paused_flusher_wakes(self, number: int, again: bool) -> None:
        """Its script arrives now, and with `again` once more later."""
        index = number % len(self.late)
        sends = self.late[index] if again else self.late.pop(index)
        self.contest.store.flush(self.contest.id, *sends)

    @rule(key=st.sampled_from([board_key, state_key, stream_key]))
    def lose_a_key(self, key: Any) -> None:
        self.redis.delete(key(self.contest.id))

    @rule()
    def lose_everything(self) -> None:
        self.redis.flushall()

    @rule()
    def back_up(self) -> None:
        self.saved = save(self.redis)

    @precondition(lambda self: self.saved is not None)
    @rule()
    def restore(self) -> None:
        assert self.saved is not None
        self.redis.flushall()
        restore(self.redis, self.saved)

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
            self._rebuild()
        if contest.id in found.stale:
            with unit_of_work(self.engine) as unit:
                mark_dirty(unit.session, [(contest.id, None)])
        while (outcome := self._flush()) is not Outcome.NOTHING:
            if outcome is Outcome.LOST:
                self._rebuild()
        assert store.pictures([contest.id])[contest.id] == (contest.head(), self.status)
        assert contest.shown() == self.truth
        assert contest.marks() == 0

    @invariant()
    def the_table_tells_the_truth(self) -> None:
        whole = ranking(self.truth)
        someone, some = self.users[7], self.users[5:9]
        with Session(self.engine) as session:
            page = table.page(session, self.contest.id, 3, 9)
            around = table.around(session, self.contest.id, someone, 6)
            users = table.users(session, self.contest.id, some)
            places = table.places(session, self.contest.id, some)
        assert page is not None
        assert (page.total, page.status) == (len(whole), self.status)
        check_views(whole, someone, some, [page, around, users], places)

    @invariant()
    def what_redis_shows_at_the_known_head_is_right(self) -> None:
        picture = self.contest.store.pictures([self.contest.id])[self.contest.id]
        if picture is None or picture.head != self.contest.head():
            return
        with Session(self.engine) as session:
            marked = set(session.scalars(text("SELECT person_id FROM board_dirty")))
        unmarked = [id_ for id_ in self.users if self.contest.people[id_] not in marked]
        shown = self.contest.shown()
        assert {id_: shown.get(id_) for id_ in unmarked} == {
            id_: self.truth.get(id_) for id_ in unmarked
        }

    @invariant()
    def redis_agrees_with_itself_and_with_the_watcher(self) -> None:
        store, someone, some = self.contest.store, self.users[7], self.users[5:9]
        read = store.read_page(self.contest.id, 0, 1000, someone)
        if read is None:
            return
        page, me = read
        whole = ranking({row.user_id: row.score for row in page.rows})
        assert page.rows == whole
        middle = store.read_page(self.contest.id, 3, 9)
        around = store.read_around(self.contest.id, someone, 6)
        users = store.read_users(self.contest.id, some)
        _, places = store.places(self.contest.id, some) or (None, {})
        pages = [view and view[0] for view in (middle, around, users)]
        check_views(whole, someone, some, pages, {**places, someone: me})
        self.watcher.catch_up()
        assert self.watcher.top() == whole[:TOP]
        assert self.watcher.position == page.position
        assert self.watcher.status == page.status

    def _rebuild(self) -> None:
        self.begin_rebuild(force=False)
        if self.rebuild is not None:
            self.finish_rebuild()

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


def check_views(
    whole: list[Row],
    someone: str,
    some: list[str],
    pages: Sequence[Page | None],
    places: Mapping[str, Place | None],
) -> None:
    """Compare the page from 3, the six around someone, some people and their places."""
    rows = {row.user_id: row for row in whole}
    centre = whole.index(rows[someone]) if someone in rows else None
    start = 0 if centre is None else max(0, min(centre - 3, len(whole) - 6))
    expected = [
        whole[3:12],
        [] if centre is None else whole[start : start + 6],
        [row for row in whole if row.user_id in some],
    ]
    assert [page and page.rows for page in pages] == expected
    assert places == {user_id: place_of(whole, rows.get(user_id)) for user_id in some}


def place_of(whole: list[Row], row: Row | None) -> Place | None:
    if row is None:
        return None
    better = [other for other in whole if other.score > row.score]
    if not better:
        return Place(row.rank, row.score, None, None)
    return Place(row.rank, row.score, better[-1].rank, better[-1].score - row.score)


@pytest.mark.hypothesis
def test_a_board_is_right_whatever_happens(engine: Engine, redis: Redis) -> None:
    run_state_machine_as_test(
        cast("type[BoardMachine]", lambda: BoardMachine(engine, redis)),
        settings=settings(
            ON_SERVERS,
            stateful_step_count=25,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
