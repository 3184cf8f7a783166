"""Rules that change while others write: the start, joins, data, other changes."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions import joining
from domain.competitions.life import advance
from domain.competitions.rules import change
from domain.locks import lock_competitions_shared, lock_people
from models import Competition, FitnessConnection, Participant, PastRules
from models.competition import CompetitionStatus
from models.source import SourceKind
from tests.devices import Device, store
from tests.factories import START, Factory
from tests.integration.web.conftest import SignIn
from tests.integration.web.test_competitions import quarter
from tests.integration.web.test_rules import BEFORE, patched, path_of, refused, upcoming
from worker.unit import unit_of_work


class Background:
    """Something that has to wait for a lock."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self._found: list[Any] = []
        self._thread = threading.Thread(target=lambda: self._found.append(act()))
        self._thread.start()

    def wait_until_it_waits(self, session: Session) -> None:
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        deadline = clock.now() + timedelta(seconds=60)
        while not session.scalar(waiting):
            assert self._thread.is_alive(), self._found
            assert clock.now() < deadline
            session.rollback()
        session.rollback()

    def result(self) -> Any:
        self._thread.join()
        return self._found[0]


def version_of(session: Session, competition: Competition) -> tuple[int, int]:
    """Return the version in force and the number of those kept."""
    session.rollback()
    found = select(Competition.rules_version).where(Competition.id == competition.id)
    return session.scalars(found).one(), len(session.scalars(select(PastRules)).all())


def test_a_start_that_comes_first_wins(
    engine: Engine, factory: Factory, sign_in: SignIn, session: Session
) -> None:
    organiser = factory.person()
    competition = upcoming(factory, organiser)
    caller, path = sign_in(organiser), path_of(competition)
    with unit_of_work(engine) as sweep:
        after = advance(sweep.session, competition.id, competition.starts_at)
        assert after is CompetitionStatus.ACTIVE
        late = Background(lambda: refused(caller, path, daily_cap=5))
        late.wait_until_it_waits(session)
    assert late.result() == (409, "competition_started")
    assert version_of(session, competition) == (1, 0)


def test_a_change_that_comes_first_moves_the_start(
    engine: Engine, factory: Factory, session: Session
) -> None:
    organiser = factory.person()
    competition = upcoming(factory, organiser)
    was = competition.starts_at
    later = {"starts_at": was + timedelta(hours=1)}

    def sweep() -> CompetitionStatus | None:
        with unit_of_work(engine) as unit:
            return advance(unit.session, competition.id, was)

    with unit_of_work(engine) as unit:
        change(unit.session, organiser, competition, later)
        unit.session.flush()
        assert sweep() is None
    assert sweep() is None
    status = select(Competition.status).where(Competition.id == competition.id)
    assert session.scalars(status).one() is CompetitionStatus.UPCOMING


def test_a_start_that_passes_while_it_waits_is_seen(
    engine: Engine, factory: Factory, sign_in: SignIn, session: Session
) -> None:
    organiser, person = factory.people(2)
    competition = upcoming(factory, organiser)
    factory.participant(competition, person)
    caller, path = sign_in(organiser), path_of(competition)
    with unit_of_work(engine) as writer:
        lock_people(writer.session, [person.id])
        late = Background(lambda: refused(caller, path, daily_cap=5))
        late.wait_until_it_waits(session)
        with clock.moved(timedelta(hours=3)):
            writer.session.commit()
            answer = late.result()
    assert answer == (409, "competition_started")


def test_changes_at_once_are_all_kept(factory: Factory, sign_in: SignIn, session: Session) -> None:
    organiser, person = factory.people(2)
    competition = upcoming(factory, organiser)
    factory.participant(competition, person)
    caller, path = sign_in(organiser), path_of(competition)
    caps = range(1, 7)
    changes = [Background(lambda cap=cap: patched(caller, path, daily_cap=cap)) for cap in caps]  # type: ignore[misc]  # a default binds it
    versions = [one.result()["rules_version"] for one in changes]
    assert sorted(versions) == list(range(2, 8))
    assert version_of(session, competition) == (7, 6)
    kept = session.scalars(select(PastRules).order_by(PastRules.version)).all()
    now: Any = caller.get(path).json
    seen = [one.rules["daily_cap"] for one in kept] + [now["daily_cap"]]
    assert seen[0] is None
    assert sorted(seen[1:]) == list(caps)


def test_who_joins_during_a_change_joins_by_the_new_rules(
    engine: Engine, factory: Factory, session: Session
) -> None:
    organiser, person = factory.people(2)
    competition = upcoming(factory, organiser)
    store(engine, person, [("phone", Device(SourceKind.PHONE, {40: 100}))])
    factory.connection(person)

    def join() -> bool:
        with unit_of_work(engine) as unit:
            return joining.join(unit.session, person, competition.id, None, clock.now()).new

    with unit_of_work(engine) as unit:
        change(unit.session, organiser, competition, {"starts_at": START, "late_join": True})
        unit.session.flush()
        joined = Background(join)
        joined.wait_until_it_waits(session)
    assert joined.result()
    assert session.scalars(select(Participant.score)).all() == [100]


def test_who_has_joined_while_it_waited_is_planned_too(
    engine: Engine, factory: Factory, sign_in: SignIn, session: Session
) -> None:
    organiser, person = factory.people(2)
    competition = upcoming(factory, organiser)
    factory.connection(person)
    caller, path = sign_in(organiser), path_of(competition)
    tomorrow = quarter(timedelta(days=1))
    with unit_of_work(engine) as unit:
        joining.join(unit.session, person, competition.id, None, clock.now())
        changed = Background(lambda: patched(caller, path, starts_at=tomorrow))
        changed.wait_until_it_waits(session)
    assert changed.result()["participant_count"] == 1
    planned = session.scalars(select(FitnessConnection.next_pull_at)).one()
    assert planned is not None
    assert planned > clock.now() + timedelta(hours=20)


def test_who_is_held_by_others_is_not_waited_for_out_of_order(
    engine: Engine, factory: Factory, sign_in: SignIn, session: Session
) -> None:
    organiser, person = factory.people(2)
    competition = upcoming(factory, organiser)
    caller, path = sign_in(organiser), path_of(competition)
    with unit_of_work(engine) as gate, unit_of_work(engine) as writer:
        lock_competitions_shared(gate.session, [competition.id])
        changed = Background(lambda: caller.call("PATCH", path, json={"daily_cap": 5}))
        changed.wait_until_it_waits(session)
        factory.participant(competition, person)
        lock_people(writer.session, [person.id])
        gate.session.commit()
        answer = changed.result()
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert version_of(session, competition) == (1, 0)
    assert patched(caller, path, daily_cap=5)["rules_version"] == 2


def test_data_during_a_change_counts_by_the_new_rules(
    engine: Engine, factory: Factory, session: Session
) -> None:
    organiser, person = factory.people(2)
    competition = factory.competition(organiser, **BEFORE)
    factory.participant(competition, person)
    phone = [("phone", Device(SourceKind.PHONE, {40: 100}))]
    before_the_start = START - timedelta(hours=1) - clock.now()
    with clock.moved(before_the_start), unit_of_work(engine) as unit:
        change(unit.session, organiser, competition, {"daily_cap": 30})
        unit.session.flush()
        data = Background(lambda: store(engine, person, phone))
        data.wait_until_it_waits(session)
    data.result()
    assert session.scalars(select(Participant.score)).all() == [30]
