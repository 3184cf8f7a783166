"""Windows that were never fetched are found, shown, and fetched from the newest on."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions.joining import join
from domain.fitness.connections import connect, disconnect
from domain.fitness.google_oauth import Grant
from domain.fitness.owed import Debt, Owed, owe_what_is_missing, owed_altogether, owed_by
from domain.fitness.queue import MAX_ATTEMPTS, Claim, Setback, put_back
from domain.fitness.vault import Vault
from domain.fitness.windows import LONGEST_CALL, LOOK_BACK, Window
from models import Competition, FitnessConnection, SyncRequest
from models.competition import CompetitionStatus
from models.connection import Provider
from models.sync import SyncReason
from tests.factories import START, Factory
from tests.integration.fitness.conftest import Fetch, Pulls
from worker.unit import unit_of_work

LONG_AGO = START - timedelta(days=70)


class Case:
    """One person and the pulls of their connection, each over the window that was claimed."""

    def __init__(self, engine: Engine, session: Session, factory: Factory, pulls: Pulls) -> None:
        self.engine, self.session, self.factory, self.pulls = engine, session, factory, pulls
        self.person = factory.person()
        self.connection_id = pulls.connect(self.person).id

    def join(self, starts_at: datetime = LONG_AGO) -> Competition:
        made = self.factory.competition(starts_at=starts_at, ends_at=START + timedelta(days=9))
        with unit_of_work(self.engine) as unit:
            join(unit.session, self.person, made.id, None, clock.now())
        return made

    def write(self, held: Claim) -> None:
        fetch = Fetch({}, start=held.window.start, slots=held.window.slots)
        assert self.pulls.write(fetch.by(held)).sync_ids

    def owed(self) -> list[Window]:
        self.session.expire_all()
        rows = self.session.scalars(
            select(SyncRequest)
            .where(SyncRequest.reason == SyncReason.OWED, SyncRequest.finished_at.is_(None))
            .order_by(SyncRequest.window_from)
        )
        return [
            Window(row.window_from, row.window_to)
            for row in rows
            if row.window_from is not None and row.window_to is not None
        ]

    @property
    def fetched_from(self) -> datetime | None:
        self.session.expire_all()
        return self.session.get_one(FitnessConnection, self.connection_id).fetched_from

    def connect_again(self, vault: Vault) -> None:
        """Renew the grant of the same account."""
        self.session.expire_all()
        account = self.session.get_one(FitnessConnection, self.connection_id).subject
        grant = Grant("access", clock.now() + timedelta(hours=1), [], "refresh", account)
        with unit_of_work(self.engine) as unit:
            connect(unit.session, vault, self.person, Provider.GOOGLE_FIT, grant, clock.now())

    def disconnect(self) -> None:
        with unit_of_work(self.engine) as unit:
            disconnect(unit.session, self.person, self.connection_id, clock.now())


@pytest.fixture
def case(engine: Engine, session: Session, factory: Factory, pulls: Pulls) -> Case:
    """Someone connected who was never pulled."""
    return Case(engine, session, factory, pulls)


def whole(windows: list[Window]) -> Window:
    """Return the stretch that windows cover without a gap."""
    for one, following in pairwise(windows):
        assert one.end == following.start
    return Window(windows[0].start, windows[-1].end)


def test_joining_during_the_first_pull_owes_what_it_did_not_ask_for(case: Case) -> None:
    (held,) = case.pulls.claimed(case.person)
    case.join()
    assert case.owed() == []
    case.write(held)
    assert whole(case.owed()) == Window(LONG_AGO, held.window.start)


def test_joining_while_disconnected_owes_on_the_way_back(case: Case, vault: Vault) -> None:
    (held,) = case.pulls.claimed(case.person)
    case.write(held)
    case.disconnect()
    case.join()
    assert case.owed() == []
    case.connect_again(vault)
    assert whole(case.owed()) == Window(LONG_AGO, held.window.start)


def test_disconnecting_does_not_pay_a_debt(case: Case, vault: Vault) -> None:
    (held,) = case.pulls.claimed(case.person)
    case.write(held)
    case.join()
    before = case.owed()
    case.disconnect()
    assert case.owed() == []
    case.connect_again(vault)
    assert case.owed() == before


def test_a_second_competition_owes_only_what_is_further_back(case: Case) -> None:
    (held,) = case.pulls.claimed(case.person)
    case.write(held)
    case.join(START - timedelta(days=10))
    case.join(START - timedelta(days=20))
    case.join(START - timedelta(days=15))
    assert case.owed() == [
        Window(START - timedelta(days=20), START - timedelta(days=10)),
        Window(START - timedelta(days=10), held.window.start),
    ]


def test_what_is_owed_is_fetched_from_the_newest_on(case: Case, session: Session) -> None:
    """An older one is not taken before, though the newest fails: it would not be remembered."""
    (held,) = case.pulls.claimed(case.person)
    case.write(held)
    case.join()
    assert len(case.owed()) == 3
    for left in (3, 2, 1):
        assert len(case.owed()) == left
        (newest,) = case.pulls.claim()
        assert newest.window == case.owed()[-1]
        failed = Setback(newest, "vendor_unavailable", "", final=True)
        put_back(session, [failed], clock.now())
        session.commit()
        assert case.pulls.claim() == []
        session.execute(update(SyncRequest).values(due_at=START))
        session.commit()
        (again,) = case.pulls.claim()
        case.write(again)
        assert case.fetched_from == newest.window.start
    assert case.owed() == []
    assert case.fetched_from == LONG_AGO


def test_no_number_of_failures_ends_a_debt(case: Case, session: Session) -> None:
    (held,) = case.pulls.claimed(case.person)
    case.write(held)
    case.join(START - timedelta(days=10))
    for _ in range(MAX_ATTEMPTS + 3):
        (owed,) = case.pulls.claim()
        put_back(session, [Setback(owed, "vendor_refused", "", final=True)], clock.now())
        session.execute(update(SyncRequest).values(due_at=START))
        session.commit()
    assert len(case.owed()) == 1


def test_debts_are_counted(case: Case, session: Session) -> None:
    (held,) = case.pulls.claimed(case.person)
    case.write(held)
    assert owed_by(session, [case.connection_id]) == {}
    assert owed_altogether(session) == Debt(0, 0, None)
    before = clock.now()
    case.join()
    (found,) = owed_by(session, [case.connection_id]).values()
    assert (found.count, found.oldest_from) == (3, LONG_AGO)
    assert found.since is not None
    assert before <= found.since <= clock.now()
    assert owed_altogether(session) == Debt(1, 3, found.since)
    assert Owed() == Owed(0, None, None)


def test_a_competition_that_is_over_needs_nothing(case: Case, session: Session) -> None:
    (held,) = case.pulls.claimed(case.person)
    case.write(held)
    ended = case.factory.competition(starts_at=LONG_AGO, status=CompetitionStatus.PROVISIONAL)
    case.factory.participant(ended, case.person)
    assert owe_what_is_missing(session, [case.person.id], clock.now()) == 0


def test_a_failed_pull_is_made_up_for_by_the_next_one(case: Case, session: Session) -> None:
    (first,) = case.pulls.claimed(case.person)
    case.write(first)
    for days in (20, 50):
        with clock.moved(timedelta(days=days)):
            (failed,) = case.pulls.claimed(case.person)
            put_back(session, [Setback(failed, "vendor_refused", "", final=True)], clock.now())
            session.commit()
    with clock.moved(timedelta(days=90)):
        (late,) = case.pulls.claimed(case.person)
    assert first.window.end - LOOK_BACK > late.window.start
    assert late.window.end - late.window.start > 2 * LONGEST_CALL
