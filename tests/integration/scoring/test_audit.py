"""Scores that are wrong, whyever, are found and mended once a day."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from domain import clock
from domain.locks import lock_people
from domain.redis import Redis
from domain.scoring import audit
from domain.scoring.audit import audit_page, begin_due
from domain.settings import Settings
from models import BoardDirty, Competition, Participant, Person, ScoreAudit, ScoreDay
from models.competition import CompetitionStatus, Scoring
from models.source import SourceKind
from tasks import audits
from tests.devices import Device, store
from tests.factories import START, Factory
from worker.app import make_app
from worker.unit import unit_of_work

PEOPLE = 5


@pytest.fixture(autouse=True)
def app(settings: Settings, redis: Redis) -> Iterator[None]:
    """The application whose task is run."""
    made = make_app(settings)
    made.loader.import_default_modules()
    yield
    made.resources.engine.dispose()


@pytest.fixture
def people(factory: Factory) -> list[Person]:
    return factory.people(PEOPLE)


@pytest.fixture
def competition(engine: Engine, factory: Factory, people: list[Person]) -> Competition:
    """People with 100 measured and 7 typed steps on two days each; the last one has nothing."""
    made = factory.competition()
    for person in people:
        factory.participant(made, person)
    for person in people[:-1]:
        for day in (0, 1):
            phone = Device(SourceKind.PHONE, {40: 100}, manual={60: 7})
            store(engine, person, [("phone", phone)], day=day)
    return made


def sweep(hours: float = 0) -> list[dict[str, object]]:
    """Run the job; return the errors that it logged."""
    with clock.moved(timedelta(hours=hours)), structlog.testing.capture_logs() as logs:
        audits.sweep.apply(throw=True)
    return [dict(one) for one in logs if one["log_level"] == "error"]


def the_audit(session: Session) -> ScoreAudit:
    session.expire_all()
    return session.query(ScoreAudit).one()


def scores(session: Session) -> list[int]:
    session.expire_all()
    return [one.score for one in session.query(Participant).order_by(Participant.person_id)]


def test_what_is_right_is_left_alone(
    session: Session, competition: Competition, people: list[Person]
) -> None:
    written = text("SELECT CAST(xmin AS text), ctid FROM score_day ORDER BY ctid")
    before = session.execute(written).all()
    session.rollback()
    assert sweep() == []
    done = the_audit(session)
    assert (done.people, done.mended, done.last_mended_at) == (PEOPLE, 0, None)
    assert done.finished_at is not None
    assert session.execute(written).all() == before
    assert scores(session) == [200, 200, 200, 200, 0]


def test_wrong_days_are_mended_and_told(
    session: Session, competition: Competition, people: list[Person]
) -> None:
    high, dropless, baseless = people[0], people[1], people[-1]
    first, third = START.date(), START.date() + timedelta(days=2)
    session.get_one(ScoreDay, (competition.id, high.id, first)).counted = 999_000
    session.get_one(ScoreDay, (competition.id, dropless.id, first)).drops = {}
    session.add(
        ScoreDay(competition_id=competition.id, person_id=baseless.id, day=third, counted=5000)
    )
    session.get_one(Participant, (competition.id, high.id)).computed = 1099
    session.get_one(Participant, (competition.id, baseless.id)).computed = 5
    session.get_one(Participant, (competition.id, people[2].id)).computed = 3
    session.query(BoardDirty).delete()
    session.commit()
    assert sweep() == [
        {
            "event": "scores.differed",
            "log_level": "error",
            "competition_id": str(competition.id),
            "days": [f"{high.id} {first}", f"{dropless.id} {first}", f"{baseless.id} {third}"],
            "scores": [high.id, people[2].id, baseless.id],
        }
    ]
    assert scores(session) == [200, 200, 200, 200, 0]
    assert session.get_one(ScoreDay, (competition.id, dropless.id, first)).drops == {"manual": 7000}
    done = the_audit(session)
    assert (done.people, done.mended, done.finished_at is None) == (PEOPLE, 4, False)
    assert done.last_mended_at is not None
    marked = {mark.person_id for mark in session.query(BoardDirty)}
    assert marked == {high.id, people[2].id, baseless.id}


def test_it_is_done_once_a_day_however_late(session: Session, competition: Competition) -> None:
    sweep()
    first = the_audit(session).begun_at
    sweep(hours=23)
    assert the_audit(session).begun_at == first
    sweep(hours=24 * 5)
    later = the_audit(session)
    assert later.begun_at - first > timedelta(days=4)
    assert (later.people, later.finished_at is None) == (PEOPLE, False)


def test_one_that_is_cut_short_is_continued(
    engine: Engine,
    session: Session,
    competition: Competition,
    people: list[Person],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit, "PAGE", 2)
    last = people[3]
    session.get_one(Participant, (competition.id, last.id)).computed = 3
    session.commit()
    with unit_of_work(engine) as unit:
        assert begin_due(unit.session, clock.now()) == [competition.id]
        assert begin_due(unit.session, clock.now()) == []
    with unit_of_work(engine) as unit:
        assert audit_page(unit.session, clock.now()) is not None

    def be_killed() -> None:
        with unit_of_work(engine) as unit:
            assert audit_page(unit.session, clock.now()) is not None
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        be_killed()
    assert (the_audit(session).people, the_audit(session).reached) == (2, people[1].id)
    assert [one["scores"] for one in sweep()] == [[last.id]]
    done = the_audit(session)
    assert (done.people, done.mended, done.reached) == (PEOPLE, 1, people[-1].id)


def test_who_cannot_be_counted_is_passed_over_and_told(
    engine: Engine,
    session: Session,
    competition: Competition,
    people: list[Person],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit, "PAGE", 4)
    monkeypatch.setattr(audit, "STATEMENT_TIMEOUT", "300ms")
    held = people[2]
    for person in people[1:4]:
        session.get_one(Participant, (competition.id, person.id)).computed = 3
    session.commit()
    with unit_of_work(engine) as unit:
        lock_people(unit.session, [held.id])
        told = sweep()
    assert [one for one in told if one["event"] == "audits.person_skipped"] == [
        {
            "event": "audits.person_skipped",
            "log_level": "error",
            "competition_id": str(competition.id),
            "person_id": held.id,
        }
    ]
    assert scores(session) == [200, 200, 3, 200, 0]
    done = the_audit(session)
    assert (done.people, done.mended, done.skipped) == (PEOPLE - 1, 2, 1)
    assert done.finished_at is not None
    assert [one["scores"] for one in sweep(hours=25)] == [[held.id]]
    again = the_audit(session)
    assert (again.people, again.skipped, again.page) == (PEOPLE, 0, 4)


def test_two_workers_share_no_page(engine: Engine, competition: Competition) -> None:
    with unit_of_work(engine) as unit:
        begin_due(unit.session, clock.now())
    with unit_of_work(engine) as one, unit_of_work(engine) as other:
        assert audit_page(one.session, clock.now()) is not None
        assert audit_page(other.session, clock.now()) is None


@pytest.mark.parametrize(
    "columns",
    [
        {"status": CompetitionStatus.UPCOMING},
        {"ends_at": START + timedelta(days=1), "grace_hours": 1},
    ],
)
def test_only_what_takes_data_is_audited(
    session: Session, factory: Factory, columns: dict[str, Any]
) -> None:
    competition = factory.competition(**columns)
    factory.participant(competition, factory.person(), score=5)
    assert sweep() == []
    assert session.query(ScoreAudit).count() == 0
    assert scores(session) == [5]


def test_a_competition_that_closes_meanwhile_is_left_as_it_is(
    engine: Engine, session: Session, competition: Competition, people: list[Person]
) -> None:
    with unit_of_work(engine) as unit:
        begin_due(unit.session, clock.now())
    session.get_one(Participant, (competition.id, people[0].id)).computed = 3
    session.commit()
    assert sweep(hours=24 * 12) == []
    assert the_audit(session).finished_at is not None
    assert scores(session)[0] == 3


@pytest.mark.parametrize("scoring", list(Scoring))
def test_every_kind_of_scoring_is_what_was_counted(
    engine: Engine, session: Session, factory: Factory, people: list[Person], scoring: Scoring
) -> None:
    goal = 60 if scoring is Scoring.GOAL_DAYS else None
    made = factory.competition(scoring=scoring, goal=goal, daily_cap=80)
    for person in people:
        factory.participant(made, person)
        store(engine, person, [("phone", Device(SourceKind.PHONE, {40: 100, 41: 0}))])
        store(engine, person, [("phone", Device(SourceKind.PHONE))], day=1)
    assert sweep() == []
    assert set(scores(session)) == {1 if scoring is Scoring.GOAL_DAYS else 80}
