"""Uploads over HTTP: the shape, the limits, and repeats."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.redis import Redis
from models import Participant, Person, Record
from tests.factories import START, Factory
from tests.integration.web.conftest import Caller, SignIn
from web import limits
from web.records import LARGEST_UPLOAD
from web.schemas.records import MOST_RECORDS


def sent(**changes: Any) -> dict[str, Any]:
    """Write a record as an app does."""
    return {
        "id": str(uuid.uuid4()),
        "metric": "steps",
        "start": START.isoformat().replace("+00:00", "Z"),
        "end": (START + timedelta(minutes=10)).isoformat().replace("+00:00", "Z"),
        "utc_offset_s": 3600,
        "value": 812,
        "origin": "com.google.android.apps.fitness",
        "device": {"type": "phone", "manufacturer": "Google", "model": "Pixel 8"},
        "recording_method": "automatic",
        "last_modified": START.isoformat().replace("+00:00", "Z"),
        "version": 0,
        **changes,
    }


def body_of(*records: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"provider": "health_connect", "records": list(records), **more}


def count(session: Session) -> int:
    """Count the records that stand."""
    session.rollback()
    return session.scalar(select(func.count()).select_from(Record).where(~Record.deleted)) or 0


@pytest.fixture
def person(factory: Factory) -> Person:
    return factory.person()


@pytest.fixture
def caller(sign_in: SignIn, person: Person) -> Caller:
    return sign_in(person)


def test_an_upload_says_what_became_of_each_record(
    caller: Caller, factory: Factory, person: Person, session: Session, redis: Redis
) -> None:
    competition = factory.competition()
    factory.participant(competition, person)
    good, bad = sent(), sent(metric="mood")
    answer = caller.post("/fitness/records", body_of(good, bad, deletions=[str(uuid.uuid4())]))
    assert answer.status_code == 202
    assert answer.json == {
        "results": [
            {"id": good["id"], "status": "inserted"},
            {"id": bad["id"], "status": "rejected", "code": "unknown_metric"},
        ],
        "deleted": 0,
    }
    session.expire_all()
    assert session.get_one(Participant, (competition.id, person.id)).score == 812
    assert redis.get("bell:leaderboards.flush") == b"1"


def test_an_unchanged_score_rings_nobody(caller: Caller, redis: Redis) -> None:
    assert caller.post("/fitness/records", body_of(sent())).status_code == 202
    assert redis.get("bell:leaderboards.flush") is None


def test_a_key_gets_the_first_answer_again(caller: Caller, session: Session) -> None:
    body = body_of(sent())
    first = caller.post("/fitness/records", body, key="k")
    again = caller.post("/fitness/records", body, key="k")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.status_code, again.data) == (first.status_code, first.data)
    other = caller.post("/fitness/records", body_of(sent()), key="k")
    assert (other.status_code, other.json and other.json["code"]) == (409, "idempotency_mismatch")
    assert count(session) == 1


def test_the_smallest_record_and_the_emptiest_upload(caller: Caller, session: Session) -> None:
    small = {name: sent()[name] for name in ("id", "metric", "start", "end", "value", "origin")}
    answer: Any = caller.post("/fitness/records", body_of(small)).json
    assert answer["results"] == [{"id": small["id"], "status": "inserted"}]
    nothing: Any = caller.post("/fitness/records", {"provider": "healthkit"}).json
    assert nothing == {"results": [], "deleted": 0}
    gone: Any = caller.post(
        "/fitness/records", {"provider": "health_connect", "deletions": [small["id"]]}
    ).json
    assert gone == {"results": [], "deleted": 1}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"provider": "fitbit"},
        body_of(sent(more=1)),
        body_of(sent(device={"type": "phone", "serial": "x"})),
        body_of(sent(id="not a uuid")),
        body_of(sent(value="812")),
        body_of(sent(value=None)),
        body_of(sent(value=True)),
        body_of(sent(start=1763712000)),
        body_of(sent(version=1.5)),
        body_of({"id": str(uuid.uuid4())}),
        body_of(deletions=["not a uuid"]),
        body_of(*(sent() for _ in range(MOST_RECORDS + 1))),
    ],
)
def test_what_has_not_the_shape_is_refused_whole(
    caller: Caller, session: Session, body: dict[str, Any]
) -> None:
    answer = caller.post("/fitness/records", body)
    assert (answer.status_code, answer.json and answer.json["code"]) == (422, "invalid")
    assert count(session) == 0


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e400", "-1"])
def test_numbers_that_are_none_are_rejected_one_by_one(caller: Caller, value: str) -> None:
    text = json.dumps(body_of(sent(), sent(value=5))).replace('"value": 5', f'"value": {value}')
    answer: Any = caller.call(
        "POST", "/fitness/records", {"Content-Type": "application/json"}, data=text
    ).json
    assert [one.get("code") for one in answer["results"]] == [None, "invalid_value"]


def test_as_many_as_are_allowed_fit(caller: Caller, session: Session) -> None:
    answer: Any = caller.post(
        "/fitness/records", body_of(*(sent() for _ in range(MOST_RECORDS)))
    ).json
    assert {one["status"] for one in answer["results"]} == {"inserted"}
    assert count(session) == MOST_RECORDS


@pytest.mark.parametrize(("more", "status"), [(0, 202), (1, 413)])
def test_an_upload_has_at_most_a_mebibyte(caller: Caller, more: int, status: int) -> None:
    text = json.dumps(body_of(sent()))
    answer = caller.call(
        "POST",
        "/fitness/records",
        {"Content-Type": "application/json"},
        data=text + " " * (LARGEST_UPLOAD + more - len(text)),
    )
    assert answer.status_code == status
    if status == 413:
        assert answer.json
        assert answer.json["code"] == "too_large"


def test_other_routes_take_no_more_than_before(caller: Caller) -> None:
    answer = caller.post("/competitions", {"name": "x" * 70_000})
    assert answer.status_code == 413


def test_each_record_and_each_deletion_counts_towards_the_ceiling(
    sign_in: SignIn, caller: Caller, session: Session
) -> None:
    allowed = limits.RECORDS.of_person[0].amount
    half = [str(uuid.UUID(int=n)) for n in range(allowed // 2)]
    for deletions in (half[:-1], half):
        answer = caller.post("/fitness/records", body_of(deletions=deletions))
        assert answer.status_code == 202
    assert caller.post("/fitness/records", body_of(sent())).status_code == 202
    refused = caller.post("/fitness/records", body_of(sent()), key="k")
    assert (refused.status_code, refused.json and refused.json["code"]) == (429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 3601
    assert sign_in().post("/fitness/records", body_of(sent())).status_code == 202
    assert count(session) == 2
