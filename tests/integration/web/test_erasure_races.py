"""Erasing an account while its data arrives or its board is flushed, and a sweep that dies."""

import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import count
from threading import Barrier
from typing import TypeVar

import pytest
from redis.connection import AbstractConnection
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from domain import clock
from domain.erasure import LEASE, erase
from domain.errors import NotFound
from domain.leaderboards.flush import flush_board
from domain.leaderboards.marks import mark_dirty
from domain.leaderboards.store import BoardStore
from domain.redis import Redis
from domain.settings import Settings
from models import Competition, Erasure, Participant, Person, Record, SlotDay, Source
from tests.dying import Step, dies, watch
from tests.factories import Factory
from tests.integration.fitness.outside import Outside
from tests.integration.fitness.phone import Phone, at
from tests.integration.web.conftest import SECRET, SignIn
from tests.integration.web.lived import board_of, lived, mentions, personal
from worker.app import make_app
from worker.unit import unit_of_work

ROUNDS = 5
DAY = 24 * 60
MOST_SURE = 16
"""Every sweep of one erasure has at least so many steps."""
Done = TypeVar("Done")


@pytest.fixture
def site_settings(beside_google: Settings) -> Settings:
    """As everywhere, and Google is the sandbox."""
    return beside_google.model_copy(update={"supabase_jwt_secret": SECRET})


def at_once(engine: Engine, person: Person, other: Callable[[], Done]) -> Done:
    """Erase someone while something else is done; return what came of that."""
    start = Barrier(2)

    def beside() -> Done:
        start.wait()
        return other()

    with ThreadPoolExecutor() as pool:
        racing = pool.submit(beside)
        start.wait()
        with unit_of_work(engine) as unit:
            assert erase(unit.session, person.id, clock.now())
        return racing.result()


def arrives(phone: Phone) -> bool:
    """Upload two hundred steps; say whether they were taken."""
    try:
        phone.upload(at(DAY), at(DAY + 15))
    except NotFound:
        return False
    return True


def test_an_upload_that_races_is_erased_or_refused(
    contest: Competition, factory: Factory, engine: Engine, session: Session
) -> None:
    for person in factory.people(ROUNDS):
        factory.participant(contest, person)
        arrived = at_once(engine, person, partial(arrives, Phone(engine, person)))
        session.expire_all()
        for table in (Record, SlotDay, Source):
            assert session.scalars(select(table).filter_by(person_id=person.id)).all() == []
        place = session.get_one(Participant, (contest.id, person.id))
        assert (place.computed, place.posted) == (0, 200 if arrived else 0)


def test_a_flush_that_races_leaves_the_pseudonym_on_the_board(
    contest: Competition,
    factory: Factory,
    engine: Engine,
    session: Session,
    redis: Redis,
    jobs: Callable[[], None],
) -> None:
    store = BoardStore(redis)
    for number, person in enumerate(factory.people(ROUNDS), 1):
        former = str(person.user_id)
        factory.participant(contest, person, number)
        with unit_of_work(engine) as unit:
            mark_dirty(unit.session, [(contest.id, None), (contest.id, person.id)])
        jobs()
        assert former in board_of(redis, contest)
        with unit_of_work(engine) as unit:
            mark_dirty(unit.session, [(contest.id, person.id)])

        def flush() -> None:
            with unit_of_work(engine) as unit:
                flush_board(unit.session, store, contest.id, clock.now())

        at_once(engine, person, flush)
        jobs()
        session.expire_all()
        gone = session.get_one(Person, person.id)
        shown = board_of(redis, contest)
        assert (former in shown, shown[str(gone.user_id)]) == (False, number)
        assert mentions(engine, redis, [former]) == []


class Killed:
    """Erases people whose sweep is killed, and looks at what the next one leaves."""

    def __init__(
        self,
        contest: Competition,
        outside: Outside,
        sign_in: SignIn,
        settings: Settings,
        jobs: Callable[[], None],
    ) -> None:
        self.contest = contest
        self.outside = outside
        self.sign_in = sign_in
        self.settings = settings
        self.jobs = jobs

    def at(self, step: int, redis: Redis) -> bool:
        """Kill a sweep before its step number `step`; return whether it had so many."""
        engine, session = self.outside.engine, self.outside.factory.session
        person = self.outside.connected("walker-002", "?prompt=consent")
        caller = self.sign_in(person)
        lived(caller, self.contest)
        self.jobs()
        needles, before = personal(session, person, caller), self.outside.calls("/revoke")
        assert caller.call("DELETE", "/me").status_code == 204
        died = sweep_and_die(self.settings, step)
        with clock.moved(LEASE + timedelta(seconds=1)):
            self.jobs()
            self.jobs()  # a board that was being rebuilt has its turn
        session.expire_all()
        assert session.get(Erasure, person.id) is None
        assert mentions(engine, redis, needles) == []
        assert self.outside.calls("/revoke") - before in {1, 2}
        gone = session.get_one(Person, person.id)
        assert board_of(redis, self.contest)[str(gone.user_id)] == 812
        return died


def sweep_and_die(settings: Settings, steps: int) -> bool:
    """Sweep in a process that is killed before its statement, commit or command number `steps`.

    Return whether it was; else it had fewer, and ended.
    """
    send: Callable[..., None] = AbstractConnection.send_packed_command

    def sweep(step: Step) -> None:
        def command(self: AbstractConnection, *words: object, **more: object) -> None:
            step()
            send(self, *words, **more)

        app = make_app(settings)
        app.loader.import_default_modules()
        watch(app.resources.engine, step)
        pytest.MonkeyPatch().setattr(AbstractConnection, "send_packed_command", command)
        app.tasks["erasures.sweep"]()

    return dies(steps, sweep)


@pytest.fixture
def killed(
    contest: Competition,
    outside: Outside,
    sign_in: SignIn,
    site_settings: Settings,
    jobs: Callable[[], None],
) -> Killed:
    """Erases people whose sweep is killed."""
    return Killed(contest, outside, sign_in, site_settings, jobs)


def test_a_sweep_killed_half_way_is_finished_by_the_next(killed: Killed, redis: Redis) -> None:
    for step in random.Random(os.getpid()).sample(range(1, MOST_SURE + 1), 2):
        assert killed.at(step, redis)


@pytest.mark.soak
def test_a_sweep_killed_at_every_step(killed: Killed, redis: Redis) -> None:
    step = next(one for one in count(1) if not killed.at(one, redis))
    assert step > MOST_SURE
