"""Flags over HTTP: who may see and answer them, and what the flagged person reads."""

from typing import Any

import pytest
from sqlalchemy import Engine, select

from domain.redis import Redis
from models import Competition, Person, Standing
from models.competition import CompetitionStatus
from tests.devices import Device, store
from tests.factories import START, Factory
from tests.integration.scoring.flagged import SHAKEN, phone
from tests.integration.web.conftest import Caller, SignIn

FLUSH = "bell:leaderboards.flush"


@pytest.fixture
def organiser(factory: Factory) -> Person:
    return factory.person()


@pytest.fixture
def competition(factory: Factory, organiser: Person) -> Competition:
    return factory.competition(organiser)


@pytest.fixture
def flagged(engine: Engine, factory: Factory, competition: Competition) -> Person:
    """Someone with a flag on each of two days."""
    person = factory.person(display_name="Shaker")
    factory.participant(competition, person)
    for day in range(2):
        store(engine, person, [phone({40: SHAKEN, 41: 100})], day=day)
    return person


def flags_of(caller: Caller, competition: Competition, query: str = "") -> Any:
    return caller.get(f"/competitions/{competition.id}/flags{query}").json


def path_of(competition: Competition, flag: Any) -> str:
    return f"/competitions/{competition.id}/flags/{flag['id']}"


def test_an_organiser_reads_what_is_doubted_and_why(
    sign_in: SignIn, organiser: Person, competition: Competition, flagged: Person
) -> None:
    page = flags_of(sign_in(organiser), competition, "?limit=1")
    (newest,) = page["items"]
    (oldest,) = flags_of(sign_in(organiser), competition, f"?cursor={page['next_cursor']}")["items"]
    assert newest["date"] > oldest["date"] == str(START.date())
    assert oldest["user_id"] == str(flagged.user_id)
    assert (oldest["display_name"], oldest["source"], oldest["metric"]) == (
        "Shaker",
        "phone",
        "steps",
    )
    assert (oldest["reason"], oldest["decision"]) == ("over_minute_ceiling", "open")
    assert oldest["evidence"] == {"quarter_hour_ceiling": 3600.0, "highest": 4000.0}
    assert oldest["slots"] == [{"start": f"{START.date()}T10:00:00Z", "value": 4000.0}]
    assert oldest["earlier"] == []


def test_flags_are_listed_by_decision(
    sign_in: SignIn, organiser: Person, competition: Competition, flagged: Person
) -> None:
    caller = sign_in(organiser)
    first, second = flags_of(caller, competition)["items"]
    caller.post(path_of(competition, first), {"decision": "accept"})
    shown = {
        decision: [
            one["id"] for one in flags_of(caller, competition, f"?decision={decision}")["items"]
        ]
        for decision in ("open", "accepted", "rejected")
    }
    assert shown == {"open": [second["id"]], "accepted": [first["id"]], "rejected": []}
    assert caller.get(f"/competitions/{competition.id}/flags?decision=maybe").status_code == 422


def test_an_answer_moves_the_score_and_the_board(
    sign_in: SignIn, organiser: Person, competition: Competition, flagged: Person, redis: Redis
) -> None:
    caller = sign_in(organiser)
    flag = flags_of(caller, competition)["items"][-1]
    body = {"decision": "accept", "note": "He was at a race.", "changed_at": flag["changed_at"]}
    answer: Any = caller.post(path_of(competition, flag), body).json
    assert (answer["decision"], answer["note"]) == ("accepted", "He was at a race.")
    assert answer["decided_by"] == str(organiser.user_id)
    assert redis.get(FLUSH) == b"1"
    redis.delete(FLUSH)
    assert caller.post(path_of(competition, flag), body).json == answer
    assert redis.get(FLUSH) is None
    other: Any = caller.post(path_of(competition, flag), {"decision": "reject"}).json
    assert [one["decision"] for one in other["earlier"]] == ["accepted"]
    assert other["earlier"][0]["decided_by"] == str(organiser.user_id)


def test_a_key_gets_the_first_answer_again(
    sign_in: SignIn, organiser: Person, competition: Competition, flagged: Person
) -> None:
    caller = sign_in(organiser)
    flag = flags_of(caller, competition)["items"][0]
    first = caller.post(path_of(competition, flag), {"decision": "accept"}, key="k")
    again = caller.post(path_of(competition, flag), {"decision": "accept"}, key="k")
    assert (again.data, again.headers["Idempotency-Replayed"]) == (first.data, "true")


def test_flags_are_for_the_organiser_and_admins(
    sign_in: SignIn, organiser: Person, competition: Competition, flagged: Person
) -> None:
    flag = flags_of(sign_in(organiser), competition)["items"][0]
    admin = sign_in(app_metadata={"role": "admin"})
    for caller, status in ((sign_in(flagged), 403), (sign_in(), 403), (admin, 200)):
        listed = caller.get(f"/competitions/{competition.id}/flags")
        answered = caller.post(path_of(competition, flag), {"decision": "reject"})
        assert (listed.status_code, answered.status_code) == (status, status)


def test_a_flag_is_one_of_its_competition(
    sign_in: SignIn, organiser: Person, competition: Competition, flagged: Person, factory: Factory
) -> None:
    caller = sign_in(organiser)
    flag = flags_of(caller, competition)["items"][0]
    elsewhere = factory.competition(organiser)
    refused = caller.post(path_of(elsewhere, flag), {"decision": "accept"})
    assert (refused.status_code, refused.json and refused.json["code"]) == (404, "flag_not_found")


@pytest.mark.parametrize(
    "body", [{}, {"decision": "maybe"}, {"decision": "accept", "ban": True}, {"note": "x"}]
)
def test_an_answer_is_yes_or_no(
    sign_in: SignIn, organiser: Person, competition: Competition, flagged: Person, body: Any
) -> None:
    caller = sign_in(organiser)
    flag = flags_of(caller, competition)["items"][0]
    assert caller.post(path_of(competition, flag), body).status_code == 422


def test_a_decision_under_review_rings_for_the_next_version(
    sign_in: SignIn,
    organiser: Person,
    competition: Competition,
    flagged: Person,
    factory: Factory,
    redis: Redis,
) -> None:
    caller = sign_in(organiser)
    flag = flags_of(caller, competition)["items"][0]
    competition.status = CompetitionStatus.PROVISIONAL
    factory.session.commit()
    redis.flushall()
    for _ in range(2):
        answer: Any = caller.post(path_of(competition, flag), {"decision": "accept"})
        assert (answer.status_code, answer.json["decision"]) == (200, "accepted")
    (standing,) = factory.session.scalars(select(Standing))
    assert standing.reason == "flag accepted"
    assert (redis.exists(FLUSH), redis.exists("bell:competitions.sweep")) == (1, 1)


def test_what_is_final_is_not_moved(
    sign_in: SignIn,
    organiser: Person,
    competition: Competition,
    flagged: Person,
    factory: Factory,
) -> None:
    caller = sign_in(organiser)
    flag = flags_of(caller, competition)["items"][0]
    competition.status = CompetitionStatus.FINAL
    factory.session.commit()
    refused = caller.post(path_of(competition, flag), {"decision": "accept"})
    assert (refused.status_code, refused.json and refused.json["code"]) == (
        409,
        "competition_final",
    )


def test_the_flagged_person_reads_it_in_the_explanation(
    engine: Engine,
    sign_in: SignIn,
    organiser: Person,
    competition: Competition,
    flagged: Person,
    factory: Factory,
) -> None:
    other = factory.person()
    factory.participant(competition, other)
    store(engine, other, [phone({40: SHAKEN})])
    path = f"/competitions/{competition.id}/participants/{flagged.user_id}/score"
    found: Any = sign_in(flagged).get(path).json
    assert found["score"] == found["computed"] == 200
    for day in found["days"]:
        (part,) = day["sources"]
        assert (part["counted"], part["dropped"], part["flagged"]) == (100, 4000, 4000)
        assert part["why"] == "flagged"
    assert [flag["reason"] for flag in found["flags"]] == ["over_minute_ceiling"] * 2
    assert "decided_by" not in found["flags"][0]
    flag = flags_of(sign_in(organiser), competition)["items"][-1]
    sign_in(organiser).post(path_of(competition, flag), {"decision": "accept", "note": "Well."})
    after: Any = sign_in(flagged).get(path).json
    assert after["score"] == 200 + SHAKEN
    assert [(one["decision"], one["note"]) for one in after["flags"]] == [
        ("accepted", "Well."),
        ("open", None),
    ]


def test_what_is_dropped_for_two_reasons_says_how_much_for_each(
    engine: Engine, sign_in: SignIn, competition: Competition, flagged: Person
) -> None:
    watch = Device(phone({})[1].kind, {41: 300})
    store(engine, flagged, [("a newer phone", watch)])
    path = f"/competitions/{competition.id}/participants/{flagged.user_id}/score"
    found: Any = sign_in(flagged).get(path).json
    parts = {part["source"]: part for part in found["days"][0]["sources"]}
    older, newer = parts["phone"], parts["a newer phone"]
    assert older["dropped"] + newer["dropped"] == 4100
    assert older["flagged"] == 4000
    assert older["why"] == "overlap"
