"""Flags decided after the cut-off: the data of then counts, and a frozen standing is revised."""

import threading
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select

from domain import clock
from domain.competitions import freezing, standing
from domain.competitions.freezing import Written, write_page
from domain.competitions.life import advance
from domain.scoring.explain import explain
from models import Standing
from models.flag import Decision
from tests.dying import Step, dies, watch
from tests.integration.competitions.conftest import Life
from tests.integration.competitions.contested import DOUBTED, Doubted
from tests.integration.scoring.flagged import SHAKEN
from worker.unit import unit_of_work

OTHERS = [5000, 4700, 3000, 700, 700, 500]
ACCEPTED, REJECTED = Decision.ACCEPTED, Decision.REJECTED


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three places a page."""
    monkeypatch.setattr(freezing, "PAGE_ROWS", 3)


@pytest.fixture
def contest(life: Life) -> Doubted:
    """A contest that nobody has frozen yet."""
    return Doubted(life, OTHERS)


def place(contest: Doubted) -> tuple[int, int]:
    """Return rank and score in the version that holds."""
    contest.session.rollback()
    version = standing.get_version(contest.session, contest.competition.id, None)
    whole = standing.lines(contest.session, version.id, 0, 100)
    (own,) = (line for line in whole if line.user_id == contest.person.user_id)
    return own.rank, own.score


def begun(contest: Doubted) -> int:
    """Freeze, and write one page of the standing."""
    with unit_of_work(contest.engine) as unit:
        advance(unit.session, contest.competition.id, clock.now())
        (standing_id,) = freezing.unfinished_standings(unit.session, 10)
        assert write_page(unit.session, standing_id, clock.now()) is Written.PAGE
    return standing_id


def test_a_flag_accepted_under_review_makes_a_new_version(
    contest: Doubted, small_pages: None
) -> None:
    contest.life.sweep()
    before = contest.ranking()
    assert place(contest) == (4, 700)
    done = contest.decide(contest.flag_of(contest.person), ACCEPTED, "Ran a race.")
    assert (done.scores_changed, done.standing is not None) == (1, True)
    assert place(contest) == (4, 700), "until the new version is complete"
    contest.life.sweep()
    assert place(contest) == (2, 4700)
    assert contest.versions() == [before, contest.ranking()]
    newest = contest.session.scalars(select(Standing).order_by(Standing.version.desc())).first()
    assert newest is not None
    assert (newest.reason, newest.author_id) == (
        "flag accepted: Ran a race.",
        contest.organiser.id,
    )
    assert contest.decide(contest.flag_of(contest.person), ACCEPTED).standing is None
    contest.life.sweep()
    assert len(contest.versions()) == 2


def test_one_that_is_rejected_after_all_leads_back(contest: Doubted) -> None:
    contest.life.sweep()
    for decision in (REJECTED, ACCEPTED, REJECTED):
        contest.answer(decision)
        contest.life.sweep()
    first, second, third = contest.versions()
    assert first == third == contest.ranking() != second
    assert place(contest) == (4, 700)


def test_what_came_late_does_not_count_beside_it(contest: Doubted) -> None:
    contest.measure(contest.person, {40: SHAKEN + 1, 41: 900, 42: 50}, hours=7)
    contest.life.sweep()
    contest.measure(contest.person, {43: 600}, hours=8)
    contest.answer(ACCEPTED)
    contest.life.sweep()
    assert place(contest) == (2, 4700)
    explained = explain(contest.session, contest.competition.id, contest.person.user_id)
    (day,) = explained.days
    (part,) = day.parts
    assert day.counted == part.counted == sum(DOUBTED.values()) * 1000
    assert (part.dropped, part.late) == (0, (600 - 4700) * 1000)
    assert explained.participant.score == 4700


def test_a_decision_between_cut_off_and_freeze_is_frozen_with_the_rest(contest: Doubted) -> None:
    contest.measure(contest.person, {41: 90_000}, hours=7)
    done = contest.decide(contest.flag_of(contest.person), ACCEPTED)
    assert (done.scores_changed, done.standing) == (1, None)
    contest.life.sweep()
    assert place(contest) == (2, 4700)
    assert contest.versions() == [contest.ranking()]


@pytest.mark.parametrize("scores", [OTHERS, [900, 800, 750, 710, 600], [100, 90, 80]])
def test_a_version_under_way_keeps_the_scores_it_began_with(
    life: Life, small_pages: None, scores: list[int]
) -> None:
    contest = Doubted(life, scores)
    before = contest.ranking()
    begun(contest)
    contest.answer(ACCEPTED)
    between = contest.ranking()
    contest.answer(REJECTED)
    life.sweep()
    assert contest.versions() == [before, between, before]


def test_two_decisions_at_once_make_two_versions(contest: Doubted) -> None:
    other = contest.joined(contest.competition)
    contest.measure(other, {50: SHAKEN + 500, 51: 100})
    contest.life.sweep()
    flags = [contest.flag_of(contest.person), contest.flag_of(other)] * 2
    together = threading.Barrier(len(flags))

    def accept(number: int) -> None:
        together.wait()
        contest.decide(flags[number], ACCEPTED)

    threads = [threading.Thread(target=accept, args=(n,)) for n in range(len(flags))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    contest.life.sweep()
    first, second, third = contest.versions()
    assert third == contest.ranking()
    scores = [{row[1:3] for row in rows} for rows in (first, second, third)]
    assert [len(scores[0] - after) for after in scores] == [0, 1, 2]
    assert [row[2] for row in third[:4]] == [5000, 4700, 4700, 4600]


def decide_and_die(contest: Doubted, steps: int) -> bool:
    """Accept in a process that is killed before its statement or commit number `steps`."""
    flag = contest.flag_of(contest.person)

    def decide(step: Step) -> None:
        contest.engine = create_engine(contest.engine.url)
        watch(contest.engine, step)
        contest.decide(flag, ACCEPTED)

    return dies(steps, decide)


def test_a_decision_killed_anywhere_is_taken_once(contest: Doubted) -> None:
    contest.life.sweep()
    before = contest.ranking()
    step = next(one for one in count(1) if not decide_and_die(contest, one))
    assert step > 10, "every death before the commit leaves nothing behind"
    assert contest.flag_of(contest.person).decision is ACCEPTED
    contest.life.sweep()  # nobody rang for the version that the last one began
    contest.answer(ACCEPTED)
    contest.life.sweep()
    assert contest.versions() == [before, contest.ranking()]


acts = st.one_of(
    st.tuples(st.integers(0, 2), st.sampled_from([ACCEPTED, REJECTED])),
    st.just("sweep"),
    st.just("late"),
)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(found=st.lists(acts, min_size=1, max_size=7), frozen=st.booleans())
def test_every_version_is_the_ranking_of_its_time(
    life: Life, small_pages: None, found: list[Any], frozen: bool
) -> None:
    contest = Doubted(life, [4650, 700, 650, 0])
    people = [contest.person]
    for steps in (SHAKEN, SHAKEN + 200):
        people.append(contest.joined(contest.competition))
        contest.measure(people[-1], {60: steps, 61: 660})
    if frozen:
        begun(contest)
    expected = [contest.ranking()]
    for hours, act in enumerate(found, 7):
        if act == "late":
            contest.measure(people[0], {40: SHAKEN - hours, 41: 10 * hours}, hours=hours)
        elif act == "sweep":
            life.sweep()
            frozen = True
        else:
            contest.decide(contest.flag_of(people[act[0]]), act[1])
            if not frozen:
                expected = [contest.ranking()]
            elif expected[-1] != contest.ranking():
                expected.append(contest.ranking())
        contest.session.rollback()
    life.sweep()
    assert contest.versions() == expected
