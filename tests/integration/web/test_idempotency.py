"""Keys that make a repeated request harmless."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from domain import clock, idempotency
from domain.errors import Conflict
from domain.idempotency import Answer, Claim, InFlight, Scope
from models import Competition, IdempotencyKey
from tests.factories import Factory
from tests.integration.web.conftest import Caller, SignIn
from tests.integration.web.test_competitions import wanted

SCOPE = Scope("someone", "POST /thing", "k")


def made(session: Session) -> int:
    """Count competitions."""
    session.rollback()
    return session.scalar(select(func.count()).select_from(Competition)) or 0


def test_a_repeated_request_gets_the_first_answer(caller: Caller, session: Session) -> None:
    body = wanted()
    first = caller.post("/competitions", body, key="k")
    second = caller.post("/competitions", body, key="k")
    assert (first.status_code, first.data) == (second.status_code, second.data)
    assert first.headers["Location"] == second.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert made(session) == 1


def test_another_body_under_the_key_is_a_conflict(caller: Caller, session: Session) -> None:
    caller.post("/competitions", wanted(), key="k")
    other = caller.post("/competitions", wanted(name="Another"), key="k")
    assert (other.status_code, other.json and other.json["code"]) == (409, "idempotency_mismatch")
    assert made(session) == 1


def test_a_key_belongs_to_its_caller_and_route(
    sign_in: SignIn, factory: Factory, session: Session
) -> None:
    one, two = sign_in(), sign_in()
    body = wanted()
    ids = {caller.post("/competitions", body, key="k").json["id"] for caller in (one, two)}  # type: ignore[index]  # an object
    assert len(ids) == 2
    for competition_id in ids:
        answer = one.post(f"/competitions/{competition_id}/join", key=f"join-{competition_id}")
        assert answer.status_code == 200
    other = one.post(f"/competitions/{factory.competition().id}/join", key=f"join-{ids.pop()}")
    assert (other.status_code, other.json and other.json["code"]) == (409, "idempotency_mismatch")


def test_of_two_at_once_one_acts(sign_in: SignIn, session: Session) -> None:
    caller, body = sign_in(), wanted()
    caller.get("/me")
    barrier = threading.Barrier(6)
    answers: list[tuple[int, Any]] = []

    def post() -> None:
        barrier.wait()
        answer = caller.post("/competitions", body, key="k")
        answers.append((answer.status_code, answer.json))

    threads = [threading.Thread(target=post) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made(session) == 1
    created = [body for status, body in answers if status == 201]
    assert created
    assert all(one == created[0] for one in created)
    others = {(status, body["code"]) for status, body in answers if status != 201}
    assert others <= {(409, "idempotency_in_flight")}


def test_while_the_first_runs_others_are_sent_away(caller: Caller, session: Session) -> None:
    caller.post("/competitions", wanted(), key="k")
    session.execute(text("UPDATE idempotency_key SET status = NULL, headers = NULL, body = NULL"))
    session.commit()
    row = session.scalars(select(IdempotencyKey)).one()
    answer = caller.post("/competitions", wanted(), key="k")
    assert (answer.status_code, answer.json and answer.json["code"]) == (
        409,
        "idempotency_in_flight",
    )
    assert answer.headers["Retry-After"] == "1"
    with clock.moved(row.locked_until - clock.now() + timedelta(seconds=1)):
        assert caller.post("/competitions", wanted(), key="k").status_code == 201
    assert made(session) == 2


def test_refusals_that_follow_from_the_state_are_kept(caller: Caller, factory: Factory) -> None:
    competition = factory.competition(max_participants=1, participant_count=1)
    path = f"/competitions/{competition.id}/join"
    first = caller.post(path, key="k")
    assert first.status_code == 409
    competition.max_participants = 2
    factory.session.commit()
    again = caller.post(path, key="k")
    assert (again.status_code, again.data, again.mimetype) == (409, first.data, first.mimetype)
    assert caller.post(path, key="other").status_code == 200


def test_requests_that_were_never_understood_leave_no_key(caller: Caller, session: Session) -> None:
    assert caller.post("/competitions", {"name": 7}, key="k").status_code == 422
    bad = Caller(caller.client, caller.documented, "not.a.token", caller.sub)
    assert bad.post("/competitions", wanted(), key="k").status_code == 401
    assert session.scalars(select(IdempotencyKey)).all() == []
    assert caller.post("/competitions", wanted(), key="k").status_code == 201


def test_a_failure_of_ours_frees_the_key_and_logs_nothing_that_was_sent(
    caller: Caller, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    session.execute(text("ALTER TABLE competition_day RENAME TO hidden"))
    session.commit()
    try:
        assert caller.post("/competitions", wanted(), key="k").status_code == 500
    finally:
        session.execute(text("ALTER TABLE hidden RENAME TO competition_day"))
        session.commit()
    logged: list[Any] = [record.msg for record in caplog.records]
    (broken,) = [entry for entry in logged if "exc_info" in entry]
    assert "SQL parameters hidden" in str(broken["exc_info"])
    assert session.scalars(select(IdempotencyKey)).all() == []
    assert caller.post("/competitions", wanted(), key="k").status_code == 201
    assert made(session) == 1


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "\u00e9"])
def test_odd_keys_are_malformed(caller: Caller, key: str) -> None:
    answer = caller.call("POST", "/competitions", {"Idempotency-Key": key}, json=wanted())
    assert (answer.status_code, answer.json and answer.json["code"]) == (400, "malformed")


def test_who_was_taken_for_dead_cannot_act_after_all(session: Session) -> None:
    now = clock.now()
    late = idempotency.claim(session, SCOPE, b"f", now)
    assert isinstance(late, Claim)
    with pytest.raises(InFlight):
        idempotency.claim(session, SCOPE, b"f", now + idempotency.HELD / 2)
    with pytest.raises(Conflict):
        idempotency.claim(session, SCOPE, b"g", now)
    second = idempotency.claim(session, SCOPE, b"f", now + idempotency.HELD)
    assert isinstance(second, Claim)
    with pytest.raises(InFlight):
        idempotency.keep(session, late, Answer(200, {}, b"late"))
    idempotency.release(session, late)
    idempotency.keep(session, second, Answer(200, {"a": "b"}, b"second"))
    idempotency.release(session, second)
    assert idempotency.claim(session, SCOPE, b"f", now) == Answer(200, {"a": "b"}, b"second")


def test_keys_are_forgotten_after_a_day_and_not_before(session: Session) -> None:
    now = clock.now()
    for number in range(3):
        held = idempotency.claim(session, Scope("a", "r", str(number)), b"f", now)
        assert isinstance(held, Claim)
        idempotency.keep(session, held, Answer(200, {}, b""))
    assert idempotency.delete_old(session, now + timedelta(hours=24)) == 0
    assert idempotency.delete_old(session, now + timedelta(hours=26), limit=2) == 2
    assert idempotency.delete_old(session, now + timedelta(hours=26)) == 1
