"""Prizes calculated, distributed and looked at over HTTP."""

import csv
import io
import threading
import uuid
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from domain import clock
from domain.payouts import distributing
from domain.prizes import calculation
from domain.prizes.plan import promise
from domain.redis import Redis
from models import Award, Competition, Distribution, Person
from models.api_key import KeyScope
from models.competition import CompetitionStatus
from tests.factories import Factory
from tests.integration.prizes.promised import EVERYONE, PODIUM, Promised
from tests.integration.web.conftest import Caller, SignIn, WithKey
from tests.prizes import won
from web import prizes
from worker.unit import unit_of_work

ADMIN = {"app_metadata": {"role": "admin"}}


@pytest.fixture
def promised(engine: Engine, factory: Factory) -> Promised:
    """Makes final competitions with a prize."""
    return Promised(engine, factory)


@pytest.fixture
def admin(sign_in: SignIn) -> Caller:
    """Someone who moves money."""
    return sign_in(**ADMIN)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def organiser_of(session: Session, made: Competition) -> Person:
    return session.get_one(Person, made.organiser_id)


def lay_out(engine: Engine) -> None:
    """Make every payout that is lacking."""
    with unit_of_work(engine) as unit:
        for one in distributing.unfinished(unit.session, 9):
            distributing.lay_out_page(unit.session, one, clock.now())


def count_of(session: Session, table: type) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_preview_stores_nothing(
    promised: Promised, session: Session, sign_in: SignIn, with_key: WithKey
) -> None:
    made = promised.final([9, 8, 8, 2], min_score=3)
    for status in ("upcoming", "active", "closing", "provisional"):
        made.status = CompetitionStatus(status)
        session.commit()
        shown: Any = sign_in(organiser_of(session, made)).post(f"/prizes/calculate/{made.id}").json
        assert {**shown, "awards": None} == {
            "competition_id": str(made.id),
            "preview": True,
            "currency": "EUR",
            "pool": 1000,
            "awards": None,
            "remainder": 0,
            "total": 1000,
        }
        assert [(one["rank"], one["amount"]) for one in shown["awards"]] == [
            (1, 600),
            (2, 200),
            (2, 200),
        ]
        ids = [one["user_id"] for one in shown["awards"]]
        assert ids[1:] == sorted(ids[1:])
    assert with_key(KeyScope.PRIZES_WRITE).post(f"/prizes/calculate/{made.id}").json == shown
    assert count_of(session, Award) == 0
    made.status = CompetitionStatus.CANCELLED
    session.commit()
    refused = sign_in(**ADMIN).post(f"/prizes/calculate/{made.id}")
    assert code(refused) == (409, "competition_cancelled")


def test_a_preview_is_of_the_moment(
    promised: Promised, engine: Engine, session: Session, factory: Factory, admin: Caller
) -> None:
    running = factory.competition()
    ann, bob = factory.people(2)
    for person, score in ((ann, 5), (bob, 4)):
        factory.participant(running, person, score)
    with unit_of_work(engine) as unit:
        promise(unit.session, running.id, PODIUM, clock.now())

    def leaders() -> list[str]:
        shown: Any = admin.post(f"/prizes/calculate/{running.id}").json
        return [one["user_id"] for one in shown["awards"]]

    assert leaders() == [str(ann.user_id), str(bob.user_id)]
    session.execute(text("UPDATE participant SET computed = 9 WHERE computed = 4"))
    session.commit()
    assert leaders() == [str(bob.user_id), str(ann.user_id)]
    session.execute(text("UPDATE participant SET disqualified_at = now() WHERE computed = 9"))
    session.commit()
    assert leaders() == [str(ann.user_id)]


def test_calculating_stores_once(
    promised: Promised, session: Session, sign_in: SignIn, admin: Caller
) -> None:
    made = promised.final([9, 8])
    path = f"/prizes/calculate/{made.id}"
    first: Any = sign_in(organiser_of(session, made)).post(path).json
    assert (first["preview"], first["total"], first["remainder"]) == (False, 900, 100)
    assert [one["amount"] for one in first["awards"]] == [600, 300]
    session.execute(text("UPDATE participant SET computed = computed + 100 WHERE computed = 8"))
    session.commit()
    promised.freeze(made.id)
    assert admin.post(path).json == first
    assert admin.post(path, key="k").json == admin.post(path, key="k").json == first
    assert count_of(session, Award) == 2
    promised.check_settled(made.id)


def test_who_may_calculate(
    promised: Promised, session: Session, sign_in: SignIn, with_key: WithKey, admin: Caller
) -> None:
    made = promised.final([9])
    path = f"/prizes/calculate/{made.id}"
    winner = sign_in(session.scalars(select(Person).order_by(Person.id.desc())).first())
    assert code(winner.post(path)) == (403, "not_allowed")
    assert code(with_key(KeyScope.PRIZES_READ).post(path)) == (403, "scope_missing")
    assert code(admin.post(f"/prizes/calculate/{uuid.uuid4()}")) == (404, "competition_not_found")
    plain = promised.factory.competition(status=CompetitionStatus.FINAL)
    running = promised.factory.competition()
    for one in (plain, running):
        assert code(admin.post(f"/prizes/calculate/{one.id}")) == (409, "no_prize")
    assert count_of(session, Award) == 0


def test_what_takes_long_is_come_back_for(
    promised: Promised, admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calculation, "PAGE_ROWS", 2)
    made = promised.final([5] * 5, EVERYONE)
    with monkeypatch.context() as hurried:
        hurried.setattr(prizes, "LONGEST_SECONDS", 0)
        refused = [admin.post(f"/prizes/calculate/{made.id}", key="k") for _ in range(2)]
    assert [code(one) for one in refused] == [(503, "unavailable")] * 2
    assert refused[0].headers["Retry-After"] == "5"
    answer: Any = admin.post(f"/prizes/calculate/{made.id}", key="k").json
    assert [one["amount"] for one in answer["awards"]] == [201, 201, 201, 200, 200]
    promised.check_settled(made.id)


def test_distributing_is_done_once(
    promised: Promised, session: Session, redis: Redis, admin: Caller, with_key: WithKey
) -> None:
    made = promised.final([9, 8, 7])
    path = f"/prizes/distribute/{made.id}"
    first: Any = admin.post(path)
    assert first.status_code == 202
    assert (first.json["status"], first.json["payouts"]) == ("preparing", 3)
    assert redis.exists("bell:payouts.pay")
    treasury = with_key(KeyScope.PRIZES_WRITE)
    start, answers = threading.Barrier(4), list[Any]()

    def act() -> None:
        start.wait()
        answers.append(treasury.post(path))

    threads = [threading.Thread(target=act) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert [one.status_code for one in answers] == [202] * 4
    assert {one.json["distribution_id"] for one in answers} == {first.json["distribution_id"]}
    assert (count_of(session, Distribution), count_of(session, Award)) == (1, 3)


def test_who_may_distribute_and_when(
    promised: Promised, session: Session, sign_in: SignIn, admin: Caller
) -> None:
    made = promised.final([9])
    path = f"/prizes/distribute/{made.id}"
    assert code(sign_in(organiser_of(session, made)).post(path)) == (403, "not_allowed")
    made.status = CompetitionStatus.PROVISIONAL
    session.commit()
    assert code(admin.post(path)) == (409, "competition_not_final")
    assert code(admin.get(f"/prizes/distribution/{made.id}")) == (404, "distribution_not_found")
    assert code(admin.post(f"/prizes/distribute/{uuid.uuid4()}")) == (404, "competition_not_found")
    plain = promised.factory.competition(status=CompetitionStatus.FINAL)
    assert code(admin.post(f"/prizes/distribute/{plain.id}")) == (409, "no_prize")
    assert count_of(session, Distribution) == 0


def test_a_distribution_is_seen_page_by_page(
    promised: Promised,
    engine: Engine,
    session: Session,
    sign_in: SignIn,
    with_key: WithKey,
    admin: Caller,
) -> None:
    made = promised.final([9, 8, 7])
    admin.post(f"/prizes/distribute/{made.id}")
    lay_out(engine)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE payout SET status = 'held', hold_reason = 'no_account', held_at = :now"
                " WHERE amount = 300"
            ),
            {"now": clock.now()},
        )
        connection.execute(
            text(
                "UPDATE payout SET status = 'failed', failure_code = 'over_limit',"
                " failure_detail = 'Too much.', rail = 'manual' WHERE amount = 100"
            )
        )
    path = f"/prizes/distribution/{made.id}"
    whole: Any = sign_in(organiser_of(session, made)).get(path).json
    assert (whole["status"], whole["payouts"]) == ("paying", 3)
    assert whole["counts"] == {"pending": 1, "held": 1, "failed": 1}
    assert [(one["rank"], one["amount"], one["status"]) for one in whole["items"]] == [
        (1, 600, "pending"),
        (2, 300, "held"),
        (3, 100, "failed"),
    ]
    assert whole["items"][1]["hold_reason"] == "no_account"
    assert whole["items"][2]["failure"] == {"code": "over_limit", "detail": "Too much."}
    assert whole["items"][2]["rail"] == "manual"
    first: Any = admin.get(f"{path}?limit=2").json
    rest: Any = admin.get(f"{path}?limit=2&cursor={first['next_cursor']}").json
    assert first["items"] + rest["items"] == whole["items"]
    assert rest["next_cursor"] is None
    guest: Any = sign_in().get(path).json
    for name in ("rail", "hold_reason", "failure"):
        assert {one[name] for one in guest["items"]} == {None}
    assert with_key(KeyScope.PRIZES_READ).get(path).json == whole
    assert admin.get(f"{path}?cursor=bm8").status_code == 422


def test_a_distribution_as_a_table(
    promised: Promised, engine: Engine, session: Session, sign_in: SignIn, admin: Caller
) -> None:
    made = promised.final([9, 8])
    admin.post(f"/prizes/distribute/{made.id}")
    lay_out(engine)
    session.execute(text("UPDATE person SET display_name = '=1+1'"))
    session.commit()
    path = f"/prizes/distribution/{made.id}/payouts.csv"
    answer = sign_in(organiser_of(session, made)).get(path)
    assert answer.mimetype == "text/csv"
    assert f"distribution-{made.id}.csv" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(one["rank"], one["amount"], one["status"]) for one in rows] == [
        ("1", "600", "pending"),
        ("2", "300", "pending"),
    ]
    assert {one["display_name"] for one in rows} == {"'=1+1"}
    assert code(sign_in().get(path)) == (403, "not_allowed")
    nothing = promised.final([1])
    refused = admin.get(f"/prizes/distribution/{nothing.id}/payouts.csv")
    assert code(refused) == (404, "distribution_not_found")


def test_a_private_ones_prizes_stay_within(
    promised: Promised, session: Session, sign_in: SignIn, admin: Caller
) -> None:
    made = promised.final([9])
    session.execute(text("UPDATE competition SET visibility = 'private', invite_code = 'x'"))
    session.commit()
    admin.post(f"/prizes/distribute/{made.id}")
    path = f"/prizes/distribution/{made.id}"
    assert code(sign_in().get(path)) == (404, "competition_not_found")
    winner = session.get_one(Person, session.scalars(select(Award.person_id)).one())
    assert sign_in(winner).get(path).status_code == 200


def test_my_history(
    engine: Engine, session: Session, factory: Factory, sign_in: SignIn, admin: Caller
) -> None:
    first = won(factory, [60, 40])
    second = won(factory, [700], "JPY", people=first.people[:1])
    third = won(factory, [5], people=first.people[:1])
    me = sign_in(first.people[0])
    whole: Any = me.get("/prizes/history/me").json
    made = [third, second, first]
    assert [one["competition_id"] for one in whole["items"]] == [
        str(one.competition.id) for one in made
    ]
    assert whole["items"][1] == {
        "competition_id": str(second.competition.id),
        "rank": 1,
        "amount": 700,
        "currency": "JPY",
        **dict.fromkeys(("status", "rail", "paid_at", "hold_reason", "failure")),
    }
    admin.post(f"/prizes/distribute/{first.competition.id}")
    lay_out(engine)
    page: Any = me.get("/prizes/history/me?limit=2").json
    assert page["items"] == whole["items"][:2]
    last: Any = me.get(f"/prizes/history/{me.sub}?limit=2&cursor={page['next_cursor']}").json
    assert [(one["amount"], one["status"]) for one in last["items"]] == [(60, "pending")]
    assert last["next_cursor"] is None
    assert sign_in().get("/prizes/history/me").json == {"items": [], "next_cursor": None}
    assert code(admin.get(f"/prizes/history/{me.sub}")) == (404, "person_not_found")
