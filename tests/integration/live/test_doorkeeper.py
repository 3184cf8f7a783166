"""Rights are looked at again, also when no board has moved."""

import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import cast

import gevent
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions.competition import shut_out
from domain.database import make_engine
from domain.erasure import erase
from domain.live.messages import CloseCode
from models import Person
from models.competition import Visibility
from tests.factories import Factory
from web.identity import Identity
from web.live.doorkeeper import Doorkeeper
from web.live.guest import Guest
from web.people import Caller
from worker.unit import Unit, unit_of_work


class Visitor:
    """A guest without a network."""

    def __init__(self, person: Person, *, is_admin: bool = False) -> None:
        ends = clock.now() + timedelta(hours=1)
        self.caller = Caller(Identity(person.user_id, "", "UTC", is_admin, ends), person)
        self.codes: list[CloseCode] = []

    def dismiss(self, code: CloseCode, _reason: str) -> None:
        """Note the code."""
        self.codes.append(code)


class Checks:
    """Opens units and counts them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._begun = 0

    def __call__(self) -> AbstractContextManager[Unit]:
        self._begun += 1
        return unit_of_work(self.engine)

    def wait_for(self, whole: int) -> None:
        """Wait until so many checks have begun and ended since now."""
        wanted = self._begun + whole + 1
        while self._begun < wanted:
            gevent.sleep(0.001)


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """Let nothing hang."""
    with gevent.Timeout(10):
        yield


def test_everyone_is_looked_at_now_and_then(
    session: Session, engine: Engine, factory: Factory
) -> None:
    people = factory.people(5)
    organiser, inside, leaver, stranger, admin = people
    private = factory.competition(organiser, visibility=Visibility.PRIVATE, invite_code="x")
    public = factory.competition(organiser)
    factory.participant(private, inside)
    gone = factory.participant(private, leaver)
    checks = Checks(engine)
    doorkeeper = Doorkeeper(checks, every_s=0.01)
    stays = [Visitor(organiser), Visitor(inside), Visitor(admin, is_admin=True)]
    goes, outside = Visitor(leaver), Visitor(stranger)
    for visitor in (*stays, goes):
        doorkeeper.watch(private.id, cast("Guest", visitor))
    doorkeeper.watch(public.id, cast("Guest", outside))
    checks.wait_for(2)
    assert goes.codes == []
    session.delete(gone)
    session.commit()
    checks.wait_for(2)
    assert set(goes.codes) == {CloseCode.FORBIDDEN}
    assert [one.codes for one in (*stays, outside)] == [[]] * 4


def test_suspicions_do_not_put_off_the_look_at_everyone(
    session: Session, engine: Engine, factory: Factory
) -> None:
    quiet, busy = (
        factory.competition(visibility=Visibility.PRIVATE, invite_code=code) for code in "ab"
    )
    checks = Checks(engine)
    doorkeeper = Doorkeeper(checks, every_s=0.2)
    stranger = Visitor(factory.person())
    doorkeeper.watch(quiet.id, cast("Guest", stranger))
    deadline = time.monotonic() + 10
    while not stranger.codes and time.monotonic() < deadline:
        doorkeeper.suspect(busy.id)
        gevent.sleep(0.01)
    assert stranger.codes == [CloseCode.FORBIDDEN]


def test_a_lost_database_sends_nobody_away(engine: Engine, factory: Factory) -> None:
    person = factory.person()
    private = factory.competition(visibility=Visibility.PRIVATE, invite_code="x")
    checks = Checks(make_engine("postgresql+psycopg://nobody@127.0.0.1:9/none", pool_size=1))
    doorkeeper = Doorkeeper(checks, every_s=0.01)
    visitor = Visitor(person)
    doorkeeper.watch(private.id, cast("Guest", visitor))
    checks.wait_for(2)
    assert visitor.codes == []
    checks.engine = engine
    checks.wait_for(2)
    assert set(visitor.codes) == {CloseCode.FORBIDDEN}


def test_who_is_shut_out(session: Session, factory: Factory) -> None:
    person = factory.person()
    private = factory.competition(visibility=Visibility.PRIVATE, invite_code="x")
    absent = uuid.uuid4()
    watched = {(private.id, person.id), (factory.competition().id, person.id), (absent, person.id)}
    assert shut_out(session, watched) == {(private.id, person.id), (absent, person.id)}
    assert shut_out(session, set()) == set()


def test_who_was_erased_is_shut_out_of_all_boards(
    session: Session, factory: Factory, engine: Engine
) -> None:
    person, contest = factory.person(), factory.competition()
    with unit_of_work(engine) as unit:
        assert erase(unit.session, person.id, clock.now())
    nobody = (contest.id, 0)
    assert shut_out(session, {(contest.id, person.id), nobody}) == {(contest.id, person.id)}
