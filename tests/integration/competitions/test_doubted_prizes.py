"""Open flags that may decide who wins put off the end of a review, for seven days at most."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from domain import clock
from domain.competitions import rulings
from domain.competitions.life import LONGEST_DOUBT
from domain.errors import Conflict
from domain.prizes.plan import promise
from domain.prizes.split import Plan
from models import Competition, RulingKind
from models.competition import Scoring
from models.flag import Decision
from models.prize import SplitKind
from tests.integration.competitions.conftest import Life
from tests.integration.competitions.contested import Doubted
from worker.unit import unit_of_work

OTHERS = [5000, 4700, 3000, 700, 600]
"""Whose flag is open has 700, and 4700 if it is accepted."""
REVIEWED = timedelta(hours=1001)
EQUAL = Plan("EUR", 900, SplitKind.EQUAL, None, auto_distribute=False)
MINUTE = timedelta(minutes=1)


def places(count: int) -> Plan:
    return Plan("EUR", 900, SplitKind.FIXED, (100,) * count, auto_distribute=False)


def contest_for(life: Life, plan: Plan | None, **columns: Any) -> Doubted:
    """Make a contest under review, with a prize."""
    made = Doubted(life, OTHERS)
    with unit_of_work(life.engine) as unit:
        promise(unit.session, made.competition.id, plan, clock.now())
        if columns:
            unit.session.execute(update(Competition).values(**columns))
    life.sweep()
    assert life.status(made.competition) == "provisional"
    return made


def status_after(contest: Doubted, time: timedelta = REVIEWED) -> str:
    """Return what it is at that time after its freeze."""
    with clock.moved(time):
        contest.life.sweep()
    return contest.life.status(contest.competition)


@pytest.mark.parametrize(
    ("plan", "rules", "waits"),
    [
        (None, {}, False),
        (places(1), {}, False),
        (places(2), {}, True),
        (places(2), {"min_score": 4701}, False),
        (places(9), {"min_score": 4700}, True),
        (EQUAL, {"min_score": 4701}, False),
        (EQUAL, {"min_score": 4700}, True),
        (EQUAL, {}, True),
    ],
)
def test_who_could_win_is_waited_for(
    life: Life, plan: Plan | None, rules: dict[str, int], waits: bool
) -> None:
    contest = contest_for(life, plan, **rules)
    assert status_after(contest) == ("provisional" if waits else "final")


def test_a_goal_may_be_reached_on_two_days_by_a_day_of_data(life: Life) -> None:
    contest = contest_for(life, places(1), scoring=Scoring.GOAL_DAYS, goal=4000)
    # The best have two days then; the other one has none, and one if the flag is accepted.
    for others, waits in ((2, True), (3, False)):
        with contest.engine.begin() as connection:
            connection.execute(
                text("UPDATE participant SET computed = :days * CAST(person_id <> :id AS integer)"),
                {"days": others, "id": contest.person.id},
            )
        assert status_after(contest) == ("provisional" if waits else "final")


def test_it_ends_as_soon_as_the_flag_is_answered(life: Life) -> None:
    for decision, score in ((Decision.ACCEPTED, 4700), (Decision.REJECTED, 700)):
        contest = contest_for(life, places(2))
        assert status_after(contest) == "provisional"
        contest.answer(decision)
        assert status_after(contest) == "final"
        assert score in [row[2] for row in contest.versions()[-1] if row[1] == contest.person.id]


def test_after_seven_days_what_is_doubted_does_not_count(life: Life) -> None:
    contest = contest_for(life, places(2))
    before = contest.ranking()
    review = timedelta(hours=1000)
    assert status_after(contest, review + LONGEST_DOUBT - MINUTE) == "provisional"
    assert status_after(contest, review + LONGEST_DOUBT + MINUTE) == "final"
    assert contest.versions() == [before]
    with pytest.raises(Conflict) as refused:
        contest.answer(Decision.ACCEPTED)
    assert refused.value.code == "competition_final"


def test_the_disqualified_are_not_waited_for(life: Life) -> None:
    contest = contest_for(life, places(2))
    with unit_of_work(life.engine) as unit:
        rulings.rule(
            unit.session,
            contest.competition.id,
            contest.person.user_id,
            RulingKind.DISQUALIFIED,
            "Shook the phone.",
            contest.organiser,
            clock.now(),
        )
    assert status_after(contest) == "final"
