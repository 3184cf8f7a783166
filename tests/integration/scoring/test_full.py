"""Full recomputation: page by page it makes every score what the slots say."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from domain import clock
from domain.errors import Conflict
from domain.scoring.full import PAGE, pages_after, recompute_page
from domain.settings import Settings
from models import BoardDirty, Competition, Participant, Person, ScoreDay, SlotDay
from models.competition import CompetitionStatus
from models.source import SourceKind
from tests.devices import Device, store
from tests.factories import START, Factory
from tests.scores import recompute_everyone
from web import create_app
from web.db import EXTENSION
from worker.unit import unit_of_work

WALK = [("phone", Device(SourceKind.PHONE, {40: 700}))]


@pytest.fixture
def crowd(engine: Engine, session: Session, factory: Factory) -> tuple[Competition, list[Person]]:
    """More people than a page holds; the first and the last have walked, all scores are wrong."""
    competition, people = factory.competition(), factory.people(PAGE + 5)
    for person in people:
        factory.participant(competition, person)
    for person in (people[0], people[-1]):
        store(engine, person, WALK)
    session.execute(update(Participant).values(computed=99))
    session.execute(update(ScoreDay).values(counted=99_000))
    session.execute(delete(BoardDirty))
    session.commit()
    return competition, people


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The site, for its commands."""
    made = create_app(settings)
    yield made
    made.extensions[EXTENSION].close()


def scores(session: Session, people: list[Person]) -> list[int]:
    session.expire_all()
    found = {one.person_id: one.score for one in session.scalars(select(Participant))}
    return [found[person.id] for person in people]


def test_it_goes_on_after_the_last_page_that_was_committed(
    engine: Engine, session: Session, crowd: tuple[Competition, list[Person]]
) -> None:
    competition, people = crowd
    first, second = pages_after(session, competition.id, 0)
    assert (len(first), len(second)) == (PAGE, 5)
    session.rollback()
    with unit_of_work(engine) as unit:
        assert recompute_page(unit.session, competition.id, first, clock.now()) == PAGE
    with Session(engine) as killed:
        recompute_page(killed, competition.id, second, clock.now())
    assert scores(session, people) == [700, *[0] * (PAGE - 1), *[99] * 5]
    assert pages_after(session, competition.id, first[-1]) == [second]
    session.rollback()

    with unit_of_work(engine) as unit:
        assert recompute_page(unit.session, competition.id, second, clock.now()) == 5
    assert scores(session, people) == [700, *[0] * (PAGE + 3), 700]
    assert len(session.scalars(select(BoardDirty)).all()) == PAGE + 5
    assert recompute_everyone(session, competition.id) == 0


def test_an_operator_can_ask_for_it(
    app: Flask, session: Session, crowd: tuple[Competition, list[Person]]
) -> None:
    competition, people = crowd
    run = app.test_cli_runner().invoke
    done = run(args=["scores", "recompute", str(competition.id)])
    assert done.output.startswith(f"{PAGE + 5} scores differed")
    assert scores(session, people) == [700, *[0] * (PAGE + 3), 700]
    assert run(args=["scores", "recompute", str(competition.id)]).output.startswith("0 scores")


def test_a_competition_that_takes_no_more_data_is_left_alone(
    app: Flask, engine: Engine, session: Session, crowd: tuple[Competition, list[Person]]
) -> None:
    competition, people = crowd
    session.execute(update(Competition).values(status=CompetitionStatus.PROVISIONAL))
    session.commit()
    with pytest.raises(Conflict), unit_of_work(engine) as unit:
        recompute_everyone(unit.session, competition.id)
    done = app.test_cli_runner().invoke(args=["scores", "recompute", str(competition.id)])
    assert (done.exit_code, done.output) == (1, "Error: It takes no more data.\n")
    assert scores(session, people) == [99] * len(people)


def test_only_days_that_have_or_had_data_have_a_row(
    engine: Engine, session: Session, crowd: tuple[Competition, list[Person]]
) -> None:
    competition, people = crowd
    session.execute(delete(SlotDay).where(SlotDay.person_id == people[0].id))
    session.commit()
    recompute_everyone(session, competition.id)
    rows = session.execute(select(ScoreDay.person_id, ScoreDay.day, ScoreDay.counted)).all()
    assert sorted(map(tuple, rows)) == [
        (people[0].id, START.date(), 0),
        (people[-1].id, START.date(), 700_000),
    ]
