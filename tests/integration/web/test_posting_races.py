"""Points from services that come twice, or many at once."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from domain import clock
from domain.locks import lock_competition
from models import Competition, Participant, Posting
from models.source import SourceKind
from tests.devices import Device, store
from tests.factories import Factory
from tests.integration.web.conftest import WithKey
from tests.integration.web.test_postings import UPDATE, points, taking_part
from worker.unit import unit_of_work


def posted(session: Session, competition: Competition) -> tuple[int, int]:
    """Return the posted part and the number of postings."""
    session.rollback()
    part = session.scalars(
        select(Participant.posted).where(Participant.competition_id == competition.id)
    ).one()
    return part, session.scalar(select(func.count()).select_from(Posting)) or 0


def at_once(count: int, act: Callable[[int], None]) -> None:
    """Run `act` in threads that begin together."""
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        barrier.wait()
        act(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_repeated_increment_counts_once(
    factory: Factory, with_key: WithKey, session: Session
) -> None:
    competition, person = taking_part(factory)
    machine, other = with_key(), with_key(name="another service")
    body = points(competition, person, increment=5)
    first, second = (machine.post(UPDATE, body, key="k") for _ in range(2))
    assert (first.status_code, first.data) == (second.status_code, second.data)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert posted(session, competition) == (5, 1)
    mismatch: Any = machine.post(UPDATE, {**body, "increment": 6}, key="k")
    assert (mismatch.status_code, mismatch.json["code"]) == (409, "idempotency_mismatch")
    # The key that replaces another one is the same caller; another service is not.
    assert with_key().post(UPDATE, body, key="k").data == first.data
    assert posted(session, competition) == (5, 1)
    assert other.post(UPDATE, body, key="k").status_code == 200
    assert posted(session, competition) == (10, 2)
    assert session.scalars(select(Posting.idempotency_key)).all() == ["k", "k"]


def test_of_many_repeats_at_once_one_counts(
    factory: Factory, with_key: WithKey, session: Session
) -> None:
    competition, person = taking_part(factory)
    machine, body = with_key(), points(competition, person, increment=5)
    statuses: list[int] = []
    at_once(8, lambda _: statuses.append(machine.post(UPDATE, body, key="k").status_code))
    assert set(statuses) <= {200, 409}
    assert 200 in statuses
    assert posted(session, competition) == (5, 1)


def test_a_repeat_after_a_death_half_way_counts_once(
    factory: Factory, with_key: WithKey, session: Session
) -> None:
    competition, person = taking_part(factory)
    machine, body = with_key(), points(competition, person, increment=5)
    session.execute(text("ALTER TABLE board_dirty RENAME TO hidden"))
    session.commit()
    try:
        assert machine.post(UPDATE, body, key="k").status_code == 500
    finally:
        session.execute(text("ALTER TABLE hidden RENAME TO board_dirty"))
        session.commit()
    assert posted(session, competition) == (0, 0)
    assert machine.post(UPDATE, body, key="k").status_code == 200
    assert posted(session, competition) == (5, 1)


def test_none_is_lost_however_many_come_at_once(
    engine: Engine, factory: Factory, with_key: WithKey, session: Session
) -> None:
    competition, person = taking_part(factory)
    machine, threads, each = with_key(), 8, 8
    phone = [("phone", Device(SourceKind.PHONE, {40: 100}))]

    def act(number: int) -> None:
        if number == 0:
            store(engine, person, phone)
            return
        for n in range(each):
            answer = machine.post(UPDATE, points(competition, person, increment=number * 100 + n))
            assert answer.status_code == 200

    at_once(threads, act)
    expected = [number * 100 + n for number in range(1, threads) for n in range(each)]
    assert posted(session, competition) == (sum(expected), len(expected))
    rows = session.scalars(select(Posting).order_by(Posting.number)).all()
    assert sorted(row.value for row in rows) == sorted(expected)
    assert [row.before for row in rows] == [0, *(row.after for row in rows[:-1])]
    participant = session.scalars(select(Participant)).one()
    assert participant.score == 100 + sum(expected)


def test_points_that_wait_for_a_freeze_come_too_late(
    engine: Engine, factory: Factory, with_key: WithKey, session: Session
) -> None:
    competition, person = taking_part(factory)
    machine = with_key()
    machine.post(UPDATE, points(competition, person, score=1))
    statuses: list[int] = []

    def post() -> None:
        answer = machine.post(UPDATE, points(competition, person, score=2))
        statuses.append(answer.status_code)

    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    thread = threading.Thread(target=post)
    with unit_of_work(engine) as freeze:
        lock_competition(freeze.session, competition.id)
        thread.start()
        deadline = clock.now() + timedelta(seconds=60)
        while not session.scalar(waiting):
            assert clock.now() < deadline
            session.rollback()
        freeze.session.execute(text("UPDATE competition SET status = 'provisional'"))
    thread.join()
    assert statuses == [409]
    assert posted(session, competition) == (1, 1)
