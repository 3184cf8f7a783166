"""Points from services: exact, once, and explained."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from domain import clock
from domain.leaderboards import rebuild
from domain.leaderboards.flush import Outcome, flush_board
from domain.redis import Redis
from models import BoardDirty, Competition, Person, Posting
from models.competition import MAX_SCORE, CompetitionStatus
from models.source import SourceKind
from tests.devices import Device, store
from tests.factories import Factory
from tests.integration.web.conftest import Machine, SignIn, WithKey
from tests.rules import ON_SERVERS
from web.db import Front

UPDATE = "/leaderboard/update"


def points(competition: Competition, person: Person, **more: Any) -> dict[str, Any]:
    return {"competition_id": str(competition.id), "user_id": str(person.user_id), **more}


def taking_part(factory: Factory, **columns: Any) -> tuple[Competition, Person]:
    """Put someone into a competition."""
    competition, person = factory.competition(**columns), factory.person()
    factory.participant(competition, person)
    return competition, person


def test_a_score_is_what_was_computed_and_what_was_posted(
    engine: Engine, factory: Factory, sign_in: SignIn, with_key: WithKey, redis: Redis
) -> None:
    competition, person = taking_part(factory)
    machine = with_key()
    set_: Any = machine.post(UPDATE, points(competition, person, score=50, reason="Quiz")).json
    assert (set_["score"], set_["computed"], set_["posted"]) == (50, 0, 50)
    assert redis.get("bell:leaderboards.flush") == b"1"
    store(engine, person, [("phone", Device(SourceKind.PHONE, {40: 100}))])
    for increment, score in ((7, 157), (-27, 130)):
        answer: Any = machine.post(UPDATE, points(competition, person, increment=increment)).json
        assert (answer["score"], answer["computed"]) == (score, 100)
    path = f"/competitions/{competition.id}/participants/{person.user_id}/score"
    found: Any = sign_in(person).get(path).json
    assert (found["score"], found["computed"], found["posted"]) == (130, 100, 30)
    assert found["posting_count"] == 3
    assert [
        (one["kind"], one["value"], one["before"], one["after"], one["reason"], one["service"])
        for one in found["postings"]
    ] == [
        ("set", 50, 0, 50, "Quiz", "treadmills"),
        ("increment", 7, 50, 57, None, "treadmills"),
        ("increment", -27, 57, 30, None, "treadmills"),
    ]
    assert found["postings"][0]["posting_id"] == set_["posting_id"]


def test_the_board_is_marked(factory: Factory, with_key: WithKey, session: Session) -> None:
    competition, person = taking_part(factory)
    with_key().post(UPDATE, points(competition, person, score=5))
    marks = session.execute(select(BoardDirty.competition_id, BoardDirty.person_id)).all()
    assert marks == [(competition.id, person.id)]


@ON_SERVERS
@given(
    st.lists(st.tuples(st.sampled_from(["score", "increment"]), st.integers(-30, 60)), max_size=6)
)
def test_what_is_explained_adds_up(
    factory: Factory, sign_in: SignIn, with_key: WithKey, wishes: list[tuple[str, int]]
) -> None:
    competition, person = taking_part(factory)
    machine, expected = with_key(), 0
    for field, value in wishes:
        status = machine.post(UPDATE, points(competition, person, **{field: value})).status_code
        after = value if field == "score" else expected + value
        refused = 422 if field == "score" else 409
        assert status == (200 if after >= 0 else refused)
        expected = after if after >= 0 else expected
    path = f"/competitions/{competition.id}/participants/{person.user_id}/score"
    found: Any = sign_in(person).get(path).json
    total = 0
    for line in found["postings"]:
        assert line["before"] == total
        total = line["value"] if line["kind"] == "set" else total + line["value"]
        assert line["after"] == total
    assert found["score"] == found["computed"] + total == expected


def test_the_board_shows_them(
    factory: Factory,
    sign_in: SignIn,
    with_key: WithKey,
    session: Session,
    front: Front,
    redis: Redis,
) -> None:
    competition, person = taking_part(factory)
    other = factory.person()
    factory.participant(competition, other, 10)
    store, path = front.boards, f"/leaderboard/{competition.id}"
    with front.unit() as unit:
        work = rebuild.begin(unit.session, store, competition.id, clock.now())
        assert work is not None
        rebuild.copy_page(store, work, rebuild.read_page(unit.session, work, clock.now()))
        rebuild.finish(unit.session, store, work)
    with_key().post(UPDATE, points(competition, person, score=11))
    with front.unit() as unit:
        assert flush_board(unit.session, store, competition.id, clock.now()) is Outcome.FLUSHED
    deadline = clock.now() + timedelta(seconds=60)
    while (shown := sign_in(person).get(path).json or {})["entries"][0]["score"] != 11:
        assert clock.now() < deadline, shown
    assert [(one["rank"], one["user_id"], one["score"]) for one in shown["entries"]] == [
        (1, str(person.user_id), 11),
        (2, str(other.user_id), 10),
    ]


def test_a_long_list_ends_with_the_latest(
    factory: Factory, sign_in: SignIn, with_key: WithKey, session: Session
) -> None:
    competition, person = taking_part(factory)
    key_id = with_key().sub
    session.add_all(
        Posting(
            id=uuid.uuid4(),
            competition_id=competition.id,
            person_id=person.id,
            kind="increment",
            value=1,
            before=n,
            after=n + 1,
            api_key_id=key_id,
            posted_at=clock.now(),
        )
        for n in range(130)
    )
    session.commit()
    path = f"/competitions/{competition.id}/participants/{person.user_id}/score"
    found: Any = sign_in(person).get(path).json
    assert found["posting_count"] == 130
    assert [one["after"] for one in found["postings"]] == list(range(31, 131))
    path, page, seen = path.replace("score", "postings"), "?limit=60", list[dict[str, Any]]()
    while page:
        answer: Any = sign_in(person).get(path + page).json
        seen += answer["items"]
        page = f"?limit=60&cursor={cursor}" if (cursor := answer["next_cursor"]) else ""
    assert [one["after"] for one in seen] == list(range(130, 0, -1))
    assert seen[99::-1] == found["postings"]
    stranger = path.replace(str(person.user_id), str(uuid.uuid4()))
    admin = sign_in(app_metadata={"role": "admin"})
    for caller, where, status in (
        (admin, path, 200),
        (admin, stranger, 404),
        (sign_in(), path, 403),
    ):
        assert caller.get(where).status_code == status


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"score": 1, "increment": 1},
        {"score": -1},
        {"score": MAX_SCORE + 1},
        {"score": 1.5},
        {"score": "5"},
        {"score": True},
        {"increment": MAX_SCORE + 1},
        {"score": 1, "reason": " "},
        {"score": 1, "reason": "x" * 501},
        {"score": 1, "rank": 1},
        {"score": 1, "user_id": "me"},
    ],
)
def test_refuses_what_does_not_fit(
    factory: Factory, with_key: WithKey, more: dict[str, Any]
) -> None:
    competition, person = taking_part(factory)
    body = points(competition, person) | more
    assert with_key().post(UPDATE, body).status_code == 422


def test_scores_stay_exact(
    engine: Engine, factory: Factory, with_key: WithKey, session: Session
) -> None:
    competition, person = taking_part(factory)
    machine = with_key()

    def post(**more: int) -> Any:
        answer = machine.post(UPDATE, points(competition, person, **more))
        problem: Any = answer.json
        return answer.status_code, problem.get("code") or problem["score"]

    assert post(score=MAX_SCORE) == (200, MAX_SCORE)
    assert post(increment=1) == (409, "score_out_of_range")
    # Data that comes later finds no room, and comes back with it.
    store(engine, person, [("phone", Device(SourceKind.PHONE, {40: 100}))])
    assert post(increment=0) == (200, MAX_SCORE)
    assert post(increment=-60) == (200, MAX_SCORE)
    assert post(increment=-60) == (200, MAX_SCORE - 20)
    assert post(increment=+21) == (409, "score_out_of_range")
    assert post(increment=60 - 40) == (200, MAX_SCORE)
    store(engine, person, [("phone", Device(SourceKind.PHONE, {40: 40}))])
    assert post(increment=0) == (200, MAX_SCORE - 60)
    assert post(score=0) == (200, 40)
    assert post(increment=-1) == (409, "score_out_of_range")


def test_for_whom_and_until_when(factory: Factory, with_key: WithKey) -> None:
    machine: Machine = with_key()
    competition, person = taking_part(factory)
    absent = Competition(id=uuid.uuid4())
    stranger, nobody = factory.person(), Person(user_id=uuid.uuid4())
    for refused, code in (
        (machine.post(UPDATE, points(competition, stranger, score=1)), "not_a_participant"),
        (machine.post(UPDATE, points(competition, nobody, score=1)), "not_a_participant"),
        (machine.post(UPDATE, points(absent, person, score=1)), "competition_not_found"),
    ):
        problem: Any = refused.json
        assert (refused.status_code, problem["code"]) == (404, code)
    cut_off = competition.ends_at + timedelta(hours=competition.grace_hours)
    for moment, status in ((cut_off - timedelta(minutes=1), 200), (cut_off, 409)):
        with clock.moved(moment - clock.now()):
            answer = machine.post(UPDATE, points(competition, person, score=1))
        assert answer.status_code == status
    for status_, expected in (
        (CompetitionStatus.UPCOMING, 200),
        (CompetitionStatus.CLOSING, 200),
        (CompetitionStatus.PROVISIONAL, 409),
        (CompetitionStatus.FINAL, 409),
        (CompetitionStatus.CANCELLED, 409),
    ):
        elsewhere, someone = taking_part(factory, status=status_)
        answer = machine.post(UPDATE, points(elsewhere, someone, score=1))
        assert answer.status_code == expected, status_
    problem = answer.json
    assert problem["code"] == "competition_closed"
