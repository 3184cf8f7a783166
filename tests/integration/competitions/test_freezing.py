"""The freeze: one standing, complete, in the one rank order, and immutable."""

import hashlib
import threading
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions import freezing, rulings, standing
from domain.competitions.former_scores import former_score, keep_former
from domain.competitions.freezing import NO_BYTES, Written, write_page
from domain.competitions.life import advance
from domain.errors import NotFound
from domain.locks import lock_for_data
from models import Competition, Participant, RulingKind
from models.competition import MAX_SCORE, CompetitionStatus
from tests.factories import Factory
from tests.integration.competitions.conftest import Life
from tests.rules import ON_SERVERS
from worker.unit import unit_of_work

Rows = list[tuple[int, ...]]
BLOCK = """
    INSERT INTO standing_block (standing_id, first_place, high_score, low_score,
                                ranks, person_ids, scores, computed, posted)
    SELECT {}, {}, 1, 1, '{{1}}', '{{1}}', '{{1}}', '{{1}}', '{{0}}' FROM standing
"""


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three places a page."""
    monkeypatch.setattr(freezing, "PAGE_ROWS", 3)


def digest_of(rows: Rows, page: int) -> bytes:
    """Compute a digest as `models.standing` defines it."""
    digest = hashlib.sha256().digest()
    for first in range(0, len(rows), page):
        lines = "\n".join(",".join(map(str, row)) for row in rows[first : first + page])
        digest = hashlib.sha256(digest + hashlib.sha256(lines.encode()).digest()).digest()
    return digest


def frozen(life: Life, scores: list[int]) -> Competition:
    """Make a competition of people with these scores, and freeze it."""
    competition, _ = life.closing(scores)
    with unit_of_work(life.engine) as unit:
        advance(unit.session, competition.id, clock.now())
        (standing_id,) = freezing.unfinished_standings(unit.session, 10)
    written = Written.PAGE
    while written is Written.PAGE:
        with unit_of_work(life.engine) as unit:
            written = write_page(unit.session, standing_id, clock.now())
    return competition


@ON_SERVERS
@given(scores=st.lists(st.one_of(st.integers(0, 3), st.integers(0, MAX_SCORE)), max_size=20))
def test_any_ranking_is_frozen_as_it_is(life: Life, small_pages: None, scores: list[int]) -> None:
    competition = frozen(life, scores)
    rows = life.frozen(competition)
    assert rows == life.ranking(competition)
    digest = life.scalar("SELECT digest FROM standing WHERE competition_id = :id", competition)
    assert bytes(digest) == digest_of(rows, 3)
    count = life.scalar("SELECT row_count FROM standing WHERE competition_id = :id", competition)
    assert count == len(scores)


def test_nothing_is_seen_before_it_is_complete(
    life: Life, engine: Engine, session: Session, small_pages: None
) -> None:
    competition = life.over(people=5, status=CompetitionStatus.CLOSING, review_hours=1)
    with unit_of_work(engine) as unit:
        after = advance(unit.session, competition.id, clock.now())
    assert after is CompetitionStatus.PROVISIONAL
    with unit_of_work(engine) as unit:
        (standing_id,) = freezing.unfinished_standings(unit.session, 10)
        assert write_page(unit.session, standing_id, clock.now()) is Written.PAGE
    with pytest.raises(NotFound):
        standing.get_version(session, competition.id, 1)
    with unit_of_work(engine) as unit:
        assert write_page(unit.session, standing_id, clock.now()) is Written.COMPLETE
    with unit_of_work(engine) as unit:
        assert write_page(unit.session, standing_id, clock.now()) is Written.BUSY
    session.rollback()
    assert standing.get_version(session, competition.id, None).row_count == 5
    assert life.frozen(competition) == life.ranking(competition)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE standing SET reason = 'better'",
        "DELETE FROM standing",
        "UPDATE standing_block SET high_score = 9",
        "DELETE FROM standing_block",
        BLOCK.format("id", "row_count + 1"),
        BLOCK.format("-1", "1"),
    ],
)
def test_a_complete_standing_is_immutable(life: Life, engine: Engine, change: str) -> None:
    frozen(life, [3, 2, 1])
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text(change))


@pytest.mark.parametrize(("first_place", "row_count"), [(2, 3), (3, 3), (5, 3), (2, 0)])
def test_an_open_standing_takes_the_places_that_follow_only(
    life: Life, engine: Engine, small_pages: None, first_place: int, row_count: int
) -> None:
    competition = life.over(people=row_count, status=CompetitionStatus.CLOSING)
    with unit_of_work(engine) as unit:
        advance(unit.session, competition.id, clock.now())
        (standing_id,) = freezing.unfinished_standings(unit.session, 10)
        if row_count:
            assert write_page(unit.session, standing_id, clock.now()) is Written.PAGE
    with pytest.raises(IntegrityError, match="no such places"), engine.begin() as connection:
        connection.execute(text(BLOCK.format("id", first_place)))


def test_an_empty_one_is_complete_too(life: Life) -> None:
    competition = frozen(life, [])
    digest = life.scalar("SELECT digest FROM standing WHERE competition_id = :id", competition)
    assert bytes(digest) == NO_BYTES


def test_a_score_that_changes_while_a_page_is_being_written_is_that_of_before(
    life: Life, engine: Engine, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    competition = life.over(people=5, status=CompetitionStatus.CLOSING, review_hours=240)
    before, decider = life.ranking(competition), factory.person()
    with unit_of_work(engine) as unit:
        advance(unit.session, competition.id, clock.now())
        (first,) = freezing.unfinished_standings(unit.session, 10)

    def decide() -> None:
        with unit_of_work(engine) as unit:
            leader = unit.session.get_one(Participant, (competition.id, before[0][1]))
            former = former_score(leader)
            later = rulings.revise(unit.session, competition.id, "Again.", decider, clock.now())
            keep_former(unit.session, former, later)
            leader.computed = 0

    copies: list[str] = []
    copy = freezing._copy

    def late(session: Session, page: str, values: dict[str, Any]) -> tuple[int, bytes]:
        if not copies:
            decide()
        copies.append(page)
        return copy(session, page, values)

    monkeypatch.setattr(freezing, "_copy", late)
    with unit_of_work(engine) as unit:
        assert write_page(unit.session, first, clock.now()) is Written.COMPLETE
    assert copies == [freezing.PAGE, freezing.PAGE_WITH_FORMER]
    assert life.frozen(competition, 1) == before
    life.sweep()
    assert life.frozen(competition, 2) == life.ranking(competition) != before


def test_a_version_heeds_the_rulings_before_it_and_no_later_one(
    life: Life, engine: Engine, factory: Factory, small_pages: None
) -> None:
    competition = life.over(people=8, status=CompetitionStatus.CLOSING, review_hours=240)
    organiser, before = factory.person(), life.ranking(competition)
    with unit_of_work(engine) as unit:
        advance(unit.session, competition.id, clock.now())
        (first,) = freezing.unfinished_standings(unit.session, 10)
        write_page(unit.session, first, clock.now())
    out = [before[0][1], before[5][1]]  # one is written already, one is not
    for person_id in out:
        with unit_of_work(engine) as unit:
            user_id = unit.session.get_one(Participant, (competition.id, person_id)).user_id
            ruled = rulings.rule(
                unit.session,
                competition.id,
                user_id,
                RulingKind.DISQUALIFIED,
                "Rode a bicycle.",
                organiser,
                clock.now(),
            )
            assert ruled.standing is not None
    life.sweep()
    assert life.versions(competition) == [(1, True), (2, True), (3, True)]
    assert life.frozen(competition, 1) == before
    assert [row[1] for row in life.frozen(competition, 2)] == [
        row[1] for row in before if row[1] != out[0]
    ]
    assert life.frozen(competition, 3) == life.ranking(competition)
    assert len(life.frozen(competition, 3)) == 6


class Writers:
    """People whose two scores are raised together, by several writers that never pause."""

    def __init__(self, engine: Engine, competition: Competition, people: list[int]) -> None:
        self.engine = engine
        self.competition = competition
        self.people = people
        self.rounds = [0] * 4
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(n,)) for n in range(4)]

    def _write(self, number: int) -> None:
        own = self.people[number * 2 : number * 2 + 2]
        while not self._stop.is_set():
            with unit_of_work(self.engine) as unit:
                now = clock.now()
                locked = lock_for_data(unit.session, own, now)
                for person_id in own if self.competition.id in locked.open else ():
                    unit.session.execute(
                        text(
                            "UPDATE participant SET computed = computed + 1"
                            " WHERE competition_id = :id AND person_id = :person"
                        ),
                        {"id": self.competition.id, "person": person_id},
                    )
            self.rounds[number] += 1

    def __enter__(self) -> "Writers":
        for one in self._threads:
            one.start()
        while min(self.rounds) < 3:
            pass
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for one in self._threads:
            one.join()


def test_a_freeze_under_steady_writers(life: Life, engine: Engine, factory: Factory) -> None:
    """It waits at most a second for its lock, and each batch is wholly in or wholly out."""
    competition = life.over(status=CompetitionStatus.CLOSING, grace_hours=100)
    people = factory.people(8)
    for person in people:
        factory.participant(competition, person)
    now = competition.cutoff_at + timedelta(seconds=1)
    with Writers(engine, competition, [person.id for person in people]) as writers:
        with unit_of_work(engine) as unit:
            unit.session.execute(text("SET LOCAL lock_timeout = '1s'"))
            after = advance(unit.session, competition.id, now)
        assert after is CompetitionStatus.PROVISIONAL
        shut = life.ranking(competition)
        seen = list(writers.rounds)
        while min(new - old for new, old in zip(writers.rounds, seen, strict=True)) < 3:
            pass
    assert life.ranking(competition) == shut
    scores = {row[1]: row[2] for row in shut}
    for first, second in zip(people[::2], people[1::2], strict=True):
        assert scores[first.id] == scores[second.id] > 0
