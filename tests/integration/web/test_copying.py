"""Competitions that are held once more."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.redis import Redis
from models import Board, Competition, CompetitionDay
from tests.integration.web.conftest import Caller, SignIn
from tests.integration.web.test_competitions import quarter, wanted

NEW = {"id", "starts_at", "ends_at", "created_at", "invite_code"}
SPECIAL = {
    "description": "A week.",
    "scoring": {"kind": "goal_days", "goal": 9000},
    "daily_cap": 20_000,
    "min_score": 2,
    "max_participants": 5,
    "sources": "all",
    "grace_hours": 3,
    "review_hours": 4,
    "late_join": False,
    "visibility": "private",
    "prize": {
        "currency": "EUR",
        "pool": 900,
        "split": {"kind": "fixed", "places": [500, 100]},
        "auto_distribute": False,
    },
}


def copied(caller: Caller, made: Any, **body: Any) -> Any:
    answer = caller.post(f"/competitions/{made['id']}/copy", body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/api/v1/competitions/{answer.json['id']}"  # type: ignore[index]  # an object
    return answer.json


def test_a_copy_has_the_rules_and_nobody_in_it(
    caller: Caller, session: Session, redis: Redis
) -> None:
    made: Any = caller.post("/competitions", wanted(**SPECIAL)).json
    caller.post(f"/competitions/{made['id']}/join")
    redis.delete("bell:leaderboards.flush")
    copy = copied(caller, made, starts_at=quarter(timedelta(days=10)))
    again: Any = caller.get(f"/competitions/{made['id']}").json
    assert {name for name in made if copy[name] != again[name]} == NEW | {
        "participant_count",
        "joined",
        "freshness",
    }
    assert {name for name in made if copy[name] != made[name]} == NEW
    assert (copy["participant_count"], copy["joined"], copy["organiser"]) == (0, False, True)
    assert copy["invite_code"] != made["invite_code"]
    assert len(copy["invite_code"]) > 8
    assert caller.get(f"/competitions/{copy['id']}").json == copy
    assert session.get(Board, uuid.UUID(copy["id"])) is not None
    days = session.scalars(
        select(CompetitionDay).filter_by(competition_id=uuid.UUID(copy["id"]))
    ).all()
    assert min(day.starts_at for day in days) == datetime.fromisoformat(copy["starts_at"])
    assert max(day.ends_at for day in days) == datetime.fromisoformat(copy["ends_at"])
    assert redis.get("bell:leaderboards.flush") == b"1"


def test_name_and_end_may_be_others(caller: Caller) -> None:
    made: Any = caller.post("/competitions", wanted()).json
    times = {"starts_at": quarter(timedelta(days=2)), "ends_at": quarter(timedelta(days=3))}
    copy = copied(caller, made, name="Round two", **times)
    assert (copy["name"], copy["starts_at"], copy["ends_at"]) == ("Round two", *times.values())


def test_a_copy_begins_with_version_one_of_the_latest_rules(caller: Caller) -> None:
    made: Any = caller.post("/competitions", wanted()).json
    caller.call("PATCH", f"/competitions/{made['id']}", json={"daily_cap": 77})
    copy = copied(caller, made, starts_at=quarter(timedelta(days=10)))
    assert (copy["rules_version"], copy["daily_cap"]) == (1, 77)


def test_whoever_sees_it_may_copy_it(sign_in: SignIn) -> None:
    organiser, guest, stranger = sign_in(), sign_in(), sign_in()
    open_: Any = organiser.post("/competitions", wanted()).json
    hidden: Any = organiser.post("/competitions", wanted(visibility="private")).json
    start = quarter(timedelta(days=10))
    copy = copied(stranger, open_, starts_at=start)
    assert copy["organiser"]
    refused = stranger.post(f"/competitions/{hidden['id']}/copy", {"starts_at": start})
    assert (refused.status_code, refused.json and refused.json["code"]) == (
        404,
        "competition_not_found",
    )
    guest.post(f"/competitions/{hidden['id']}/join", {"invite_code": hidden["invite_code"]})
    own = copied(guest, hidden, starts_at=start)
    assert own["organiser"]
    assert own["invite_code"] not in {None, hidden["invite_code"]}
    assert organiser.get(f"/competitions/{own['id']}").status_code == 404
    admin = sign_in(app_metadata={"role": "admin"})
    assert copied(admin, hidden, starts_at=start)["visibility"] == "private"


def test_a_repeat_makes_no_second_copy(caller: Caller, session: Session) -> None:
    made: Any = caller.post("/competitions", wanted()).json
    body = {"starts_at": quarter(timedelta(days=10))}
    path = f"/competitions/{made['id']}/copy"
    first, second = (caller.post(path, body, key="k") for _ in range(2))
    assert (first.status_code, first.data) == (201, second.data)
    assert len(session.scalars(select(Competition.id)).all()) == 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"starts_at": None},
        {"starts_at": "2027-01-01T00:01:00Z"},
        {"starts_at": "2027-01-02T00:00:00Z", "ends_at": "2027-01-01T00:00:00Z"},
        {"starts_at": "2027-01-01T00:00:00Z", "ends_at": "2029-01-01T00:00:00Z"},
        {"starts_at": "2020-01-01T00:00:00Z"},
        {"starts_at": "9999-12-31T23:45:00Z"},
        {"starts_at": "2027-01-01T00:00:00Z", "name": ""},
        {"starts_at": "2027-01-01T00:00:00Z", "metric": "steps"},
    ],
)
def test_refuses_what_does_not_fit(caller: Caller, body: dict[str, Any]) -> None:
    made: Any = caller.post("/competitions", wanted()).json
    assert caller.post(f"/competitions/{made['id']}/copy", body).status_code == 422
    absent = caller.post(f"/competitions/{uuid.uuid4()}/copy", {"starts_at": made["starts_at"]})
    assert absent.status_code == 404
