"""Competitions: make, list, see, join, leave."""

import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from domain import clock
from domain.redis import Redis
from models import Competition
from models.competition import CompetitionStatus, Visibility
from tests.factories import Factory
from tests.integration.web.conftest import Caller, SignIn


def quarter(after: timedelta) -> str:
    """A whole quarter hour some time from now."""
    moment = clock.now() + after
    moment -= timedelta(
        minutes=moment.minute % 15, seconds=moment.second, microseconds=moment.microsecond
    )
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def wanted(**changes: Any) -> dict[str, Any]:
    """A body that is right."""
    return {
        "name": "Spring steps",
        "metric": "steps",
        "starts_at": quarter(timedelta(days=1)),
        "ends_at": quarter(timedelta(days=8)),
        "timezone": "Europe/Berlin",
        "visibility": "public",
        **changes,
    }


def test_its_maker_is_the_organiser(caller: Caller, redis: Redis) -> None:
    body = wanted(description="A week.", daily_cap=20_000, max_participants=5, sources="all")
    answer = caller.post("/competitions", body)
    made: Any = answer.json
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/competitions/{made['id']}"
    assert {name: made[name] for name in body} == body
    assert made["scoring"] == {"kind": "total", "goal": None}
    assert (made["status"], made["participant_count"], made["joined"]) == ("upcoming", 0, False)
    assert (made["grace_hours"], made["review_hours"], made["late_join"]) == (24, 0, True)
    assert (made["rules_version"], made["funded"], made["freshness"]) == (1, None, None)
    assert (made["organiser"], made["invite_code"]) == (True, None)
    assert caller.get(f"/competitions/{made['id']}").json == made
    assert redis.get("bell:leaderboards.flush") == b"1"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"starts_at": "2026-11-22T08:01:00Z"}, "starts_at"),
        ({"starts_at": "2026-11-22T08:00:00"}, "starts_at"),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, "starts_at"),
        ({"starts_at": "9999-12-31T23:30:00Z", "ends_at": "9999-12-31T23:45:00Z"}, "starts_at"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "ends_at"),
        ({"ends_at": "9999-12-31T23:45:00-14:00"}, "ends_at"),
        ({"timezone": "Moon"}, "timezone"),
        ({"metric": "sleep"}, "metric"),
        ({"daily_cap": 0}, "daily_cap"),
        ({"daily_cap": "5"}, "daily_cap"),
        ({"daily_cap": 1.5}, "daily_cap"),
        ({"max_participants": True}, "max_participants"),
        ({"name": " "}, "name"),
        ({"visibility": "secret"}, "visibility"),
        ({"scoring": {"kind": "luck"}}, "scoring"),
        ({"scoring": {"kind": "best_day", "goal": 1}}, "scoring"),
        ({"scoring": {"kind": "goal_days"}}, "scoring"),
        ({"scoring": {"kind": "goal_days", "goal": 0}}, "scoring"),
        ({"prize": {"currency": "EUR", "pool": 1}}, "prize"),
        ({"grace_hours": -1}, "grace_hours"),
    ],
)
def test_refuses_what_does_not_fit(caller: Caller, changes: dict[str, Any], field: str) -> None:
    answer = caller.post("/competitions", wanted(**changes))
    problem: Any = answer.json
    assert answer.status_code == 422
    assert field in {one["loc"][1] for one in problem["errors"]}


def test_times_are_answered_in_utc(caller: Caller) -> None:
    start = datetime.fromisoformat(quarter(timedelta(days=1)))
    made: Any = caller.post(
        "/competitions", wanted(starts_at=quarter(timedelta(days=1)).replace("Z", "+00:00"))
    ).json
    assert made["starts_at"] == start.isoformat().replace("+00:00", "Z")


def test_private_ones_are_seen_by_those_inside_and_by_admins(sign_in: SignIn) -> None:
    organiser, guest, stranger = sign_in(), sign_in(), sign_in()
    made: Any = organiser.post("/competitions", wanted(visibility="private")).json
    path = f"/competitions/{made['id']}"
    assert made["invite_code"]
    assert stranger.get(path).status_code == 404
    assert stranger.get(f"{path}/participants").status_code == 404
    assert stranger.get(f"/leaderboard/{made['id']}").status_code == 404
    for left, why in (
        (stranger.post(f"{path}/leave"), "competition_not_found"),
        (organiser.post(f"{path}/leave"), "not_a_participant"),
        (sign_in(app_metadata={"role": "admin"}).post(f"{path}/leave"), "not_a_participant"),
    ):
        assert (left.status_code, left.json and left.json["code"]) == (404, why)
    assert sign_in(app_metadata={"role": "admin"}).get(path).status_code == 200
    for code in (None, "guess"):
        refused = guest.post(f"{path}/join", {"invite_code": code})
        assert (refused.status_code, refused.json and refused.json["code"]) == (
            403,
            "invite_code_wrong",
        )
    joined: Any = guest.post(f"{path}/join", {"invite_code": made["invite_code"]}).json
    assert (joined["joined"], joined["invite_code"]) == (True, None)
    assert guest.get(path).status_code == 200
    assert stranger.get("/competitions").json == {"items": [], "next_cursor": None}
    listed: Any = guest.get("/competitions").json
    assert [one["id"] for one in listed["items"]] == [made["id"]]


def test_lists_newest_first_page_by_page(caller: Caller, factory: Factory) -> None:
    made = [str(factory.competition().id) for _ in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page: Any = caller.get(f"/competitions?limit=2{cursor}").json
        assert len(page["items"]) <= 2
        seen += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == sorted(made, reverse=True)


def test_lists_by_status_and_mine(sign_in: SignIn, factory: Factory) -> None:
    person = factory.person()
    caller = sign_in(person)
    over = factory.competition(status=CompetitionStatus.CLOSING)
    joined = factory.competition()
    factory.participant(joined, person)
    organised = factory.competition(person, visibility=Visibility.PRIVATE, invite_code="x")

    def ids(query: str) -> set[str]:
        page: Any = caller.get(f"/competitions?{query}").json
        return {one["id"] for one in page["items"]}

    assert ids("status=closing") == {str(over.id)}
    assert ids("mine=true") == {str(joined.id), str(organised.id)}
    assert ids("") == {str(over.id), str(joined.id), str(organised.id)}


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "cursor=nonsense", "status=over"])
def test_refuses_odd_queries(caller: Caller, query: str) -> None:
    assert caller.get(f"/competitions?{query}").status_code == 422


def test_joining_twice_is_no_error_and_leaving_works_before_the_start(
    sign_in: SignIn, session: Session
) -> None:
    organiser, guest = sign_in(), sign_in()
    made: Any = organiser.post("/competitions", wanted()).json
    path = f"/competitions/{made['id']}"
    for _ in range(2):
        joined: Any = guest.post(f"{path}/join").json
        assert (joined["joined"], joined["participant_count"]) == (True, 1)
        nothing: Any = {"last_synced_at": None, "synced_until": None, "sources": []}
        assert joined["freshness"] == nothing
    left: Any = guest.post(f"{path}/leave").json
    assert (left["joined"], left["participant_count"]) == (False, 0)
    again = guest.post(f"{path}/leave")
    assert (again.status_code, again.json and again.json["code"]) == (404, "not_a_participant")


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({}, "competition_started"),
        ({"status": CompetitionStatus.UPCOMING}, "competition_started"),
        ({"status": CompetitionStatus.CANCELLED}, "competition_cancelled"),
    ],
)
def test_nobody_leaves_after_the_start_or_what_was_cancelled(
    sign_in: SignIn, factory: Factory, columns: dict[str, Any], code: str
) -> None:
    person = factory.person()
    competition = factory.competition(**columns)
    factory.participant(competition, person)
    answer = sign_in(person).post(f"/competitions/{competition.id}/leave")
    assert (answer.status_code, answer.json and answer.json["code"]) == (409, code)


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"max_participants": 1, "participant_count": 1}, "competition_full"),
        ({"late_join": False}, "competition_started"),
        ({"status": CompetitionStatus.CLOSING}, "competition_over"),
    ],
)
def test_joining_can_be_too_late(
    caller: Caller, factory: Factory, columns: dict[str, Any], code: str
) -> None:
    competition = factory.competition(**columns)
    answer = caller.post(f"/competitions/{competition.id}/join")
    assert (answer.status_code, answer.json and answer.json["code"]) == (409, code)


def test_absent_competitions(caller: Caller) -> None:
    absent = uuid.uuid4()
    for method, path in (
        ("GET", f"/competitions/{absent}"),
        ("POST", f"/competitions/{absent}/join"),
        ("POST", f"/competitions/{absent}/leave"),
        ("GET", f"/competitions/{absent}/participants"),
        ("GET", f"/leaderboard/{absent}"),
    ):
        answer = caller.call(method, path)
        assert answer.status_code == 404, path


def test_the_last_place_goes_to_one(sign_in: SignIn, factory: Factory, session: Session) -> None:
    competition = factory.competition(max_participants=3, participant_count=0)
    callers = [sign_in() for _ in range(8)]
    statuses: list[int] = []

    def join(caller: Caller) -> None:
        statuses.append(caller.post(f"/competitions/{competition.id}/join").status_code)

    threads = [threading.Thread(target=join, args=(caller,)) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 3 + [409] * 5
    count = session.scalar(
        select(Competition.participant_count).where(Competition.id == competition.id)
    )
    assert count == 3


def test_participants_page_by_page(caller: Caller, factory: Factory) -> None:
    competition = factory.competition()
    people = factory.people(5)
    for person in people:
        factory.participant(competition, person)
    seen: list[str] = []
    cursor = ""
    while True:
        page: Any = caller.get(f"/competitions/{competition.id}/participants?limit=2{cursor}").json
        seen += [one["user_id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [str(person.user_id) for person in people]
    for query in ("cursor=nonsense", "limit=0"):
        path = f"/competitions/{competition.id}/participants?{query}"
        assert caller.get(path).status_code == 422
