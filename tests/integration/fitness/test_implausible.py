"""What is implausible is flagged on both ways in: pulls and uploads."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from domain.fitness.windows import QUARTER
from models import Competition, Flag, Participant, Person
from models.flag import FlagReason
from models.slots import Metric
from tests.factories import START, Factory
from tests.integration.fitness.conftest import Fetch, Pulls
from tests.integration.fitness.phone import Phone, at
from tests.scores import recompute_everyone

SHAKEN = 4000


@pytest.fixture
def person(factory: Factory, pulls: Pulls) -> Person:
    made = factory.person()
    pulls.connect(made)
    return made


@pytest.fixture
def competition(factory: Factory, person: Person) -> Competition:
    made = factory.competition()
    factory.participant(made, person)
    return made


def flagged(session: Session) -> list[tuple[FlagReason, list[int]]]:
    """Return the flags: why, and which slots."""
    session.rollback()
    session.expire_all()
    return [
        (flag.reason, [number for number, value in enumerate(flag.slots) if value])
        for flag in session.scalars(select(Flag).order_by(Flag.id))
    ]


def score(session: Session, competition: Competition, person: Person) -> int:
    session.rollback()
    key = (competition.id, person.id)
    return session.get_one(Participant, key, populate_existing=True).score


def test_a_pull_is_looked_at(
    session: Session, pulls: Pulls, person: Person, competition: Competition
) -> None:
    pulls.sync(person, Fetch({40: SHAKEN, 41: 900}))
    assert flagged(session) == [(FlagReason.OVER_MINUTE_CEILING, [40])]
    assert score(session, competition, person) == 900
    pulls.sync(person, Fetch({40: 700, 41: 900}))
    assert flagged(session) == []
    assert score(session, competition, person) == 1600


def test_a_day_that_comes_in_two_pulls_is_looked_at_whole(
    session: Session, pulls: Pulls, person: Person, competition: Competition
) -> None:
    half = dict.fromkeys(range(48), 2000)
    pulls.sync(person, Fetch(half, slots=48))
    assert flagged(session) == []
    pulls.sync(person, Fetch(half, start=START + 48 * QUARTER, slots=48))
    assert flagged(session) == [(FlagReason.OVER_DAY_CEILING, list(range(96)))]
    assert score(session, competition, person) == 0


def test_what_changes_beside_a_flag_leaves_it(
    session: Session, pulls: Pulls, person: Person, competition: Competition
) -> None:
    pulls.sync(person, Fetch({40: SHAKEN}))
    pulls.sync(person, Fetch({41: 500}, start=START + 50 * QUARTER, slots=46))
    pulls.sync(person, Fetch({30: 20}, start=START + timedelta(days=1)))
    assert flagged(session) == [(FlagReason.OVER_MINUTE_CEILING, [40])]
    assert score(session, competition, person) == 520


def test_a_flag_that_another_day_brings_to_a_competition_counts_in_it_at_once(
    session: Session, factory: Factory, pulls: Pulls, person: Person, competition: Competition
) -> None:
    pulls.sync(person, Fetch({40: SHAKEN, 41: 900}))
    assert score(session, competition, person) == 900
    later = factory.competition()
    factory.participant(later, person)
    assert recompute_everyone(session, later.id) == 1
    session.commit()
    pulls.sync(person, Fetch({40: SHAKEN, 41: 900, 140: 50}, slots=192))
    assert len(flagged(session)) == 2
    assert score(session, later, person) == score(session, competition, person) == 950


def test_a_metric_that_nobody_competes_in_is_nobodys_question(
    session: Session, pulls: Pulls, person: Person, competition: Competition
) -> None:
    pulls.sync(person, Fetch({40: 20}, metric=Metric.ACTIVE_MINUTES))
    assert flagged(session) == []


def test_an_upload_is_looked_at(
    engine: Engine, session: Session, person: Person, competition: Competition
) -> None:
    phone = Phone(engine, person)
    twice = at(600, 15, value=SHAKEN / 2), at(600, 15, value=SHAKEN / 2)
    phone.send(*twice, at(615, 15, value=900))
    assert flagged(session) == [(FlagReason.OVER_MINUTE_CEILING, [40])]
    assert score(session, competition, person) == 900
    phone.send(deletions=[twice[0].id])
    assert flagged(session) == []
    assert score(session, competition, person) == 900 + SHAKEN // 2


def test_a_quarter_hour_has_no_more_active_minutes_than_minutes(
    engine: Engine, session: Session, person: Person, factory: Factory
) -> None:
    competition = factory.competition(metric=Metric.ACTIVE_MINUTES)
    factory.participant(competition, person)
    phone = Phone(engine, person)
    phone.send(at(600, 15, metric="active_minutes", value=15))
    assert flagged(session) == []
    phone.send(at(600, 15, metric="active_minutes", value=2))
    assert flagged(session) == [(FlagReason.IMPOSSIBLE_OVERLAP, [40])]
    assert score(session, competition, person) == 0
