"""Explanations, statistics and the order of sources, over HTTP."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain import clock
from models import Competition, Participant
from models.competition import Scoring, Sources
from models.slots import Metric
from models.source import SourceKind
from tests.devices import Device, store
from tests.factories import START, Factory
from tests.integration.web.conftest import Caller, SignIn

WATCH = Device(SourceKind.WATCH, {40: 100, 41: 50}, manual={60: 7})
PHONE = Device(SourceKind.PHONE, {41: 80, 42: 30}, unknown={61: 5})
SCALE = Device(SourceKind.OTHER, {0: 9}, coarse=True)
DEVICES = [("watch", WATCH), ("phone", PHONE), ("scale", SCALE)]


def explanation_of(caller: Caller, competition: Competition, user_id: object) -> Any:
    return caller.get(f"/competitions/{competition.id}/participants/{user_id}/score").json


def total_of(found: Any) -> int:
    """Add an explanation up, as a reader would."""
    days = []
    for day in found["days"]:
        counted = round(sum(part["counted"] for part in day["sources"]) * 1000)
        assert counted - round(day["over_cap"] * 1000) == round(day["counted"] * 1000)
        days.append(round(day["counted"] * 1000))
    kind, goal = found["scoring"]["kind"], found["scoring"]["goal"]
    if kind == "best_day":
        return int(max(days, default=0)) // 1000
    if kind == "goal_days":
        return len([day for day in days if day >= goal * 1000])
    return int(sum(days)) // 1000


@pytest.mark.parametrize("sources", list(Sources))
@pytest.mark.parametrize("cap", [None, 120])
@pytest.mark.parametrize("scoring", list(Scoring))
def test_an_explanation_adds_up_to_the_score(
    engine: Engine,
    session: Session,
    factory: Factory,
    sign_in: SignIn,
    sources: Sources,
    cap: int | None,
    scoring: Scoring,
) -> None:
    person = factory.person()
    caller = sign_in(person)
    goal = 100 if scoring is Scoring.GOAL_DAYS else None
    competition = factory.competition(sources=sources, daily_cap=cap, scoring=scoring, goal=goal)
    factory.participant(competition, person)
    store(engine, person, DEVICES)
    store(engine, person, DEVICES[1:], day=1)
    found = explanation_of(caller, competition, person.user_id)
    stored = session.get_one(Participant, (competition.id, person.id), populate_existing=True)
    assert found["score"] == found["computed"] == stored.score == total_of(found)


def test_what_was_dropped_says_why(engine: Engine, factory: Factory, sign_in: SignIn) -> None:
    person = factory.person()
    competition = factory.competition()
    factory.participant(competition, person)
    store(engine, person, DEVICES)
    (day,) = explanation_of(sign_in(person), competition, person.user_id)["days"]
    assert [
        (part["source"], part["recorded"], part["counted"], part["dropped"], part["why"])
        for part in day["sources"]
    ] == [
        ("phone", "measured", 30, 80, "overlap"),
        ("phone", "unknown", 0, 5, "unknown"),
        ("scale", "measured", 0, 9, "coarse"),
        ("watch", "manual", 0, 7, "manual"),
        ("watch", "measured", 150, 0, None),
    ]


def test_an_explanation_is_for_its_person_and_the_organiser(
    factory: Factory, sign_in: SignIn
) -> None:
    organiser, person, other = factory.people(3)
    competition = factory.competition(organiser)
    factory.participant(competition, person)
    path = f"/competitions/{competition.id}/participants/{person.user_id}/score"
    assert sign_in(person).get(path).status_code == 200
    assert sign_in(organiser).get(path).status_code == 200
    assert sign_in(other).get(path).status_code == 403
    assert sign_in(app_metadata={"role": "admin"}).get(path).status_code == 200
    path = f"/competitions/{competition.id}/participants/{other.user_id}/score"
    assert sign_in(organiser).get(path).status_code == 404


def test_stats_by_local_date(engine: Engine, factory: Factory, sign_in: SignIn) -> None:
    person = factory.person()
    caller = sign_in(person)
    for day in (0, 1):
        store(engine, person, DEVICES, day=day)
    store(engine, person, [("phone", Device(SourceKind.PHONE, {3: 1200}))], metric=Metric.DISTANCE)
    first, last = START.date(), START.date() + timedelta(days=2)
    found: Any = caller.get(f"/fitness/stats/me?from={first}&to={last}&tz=UTC").json
    assert (found["from"], found["to"], found["tz"]) == (str(first), str(last), "UTC")
    assert found["totals"]["steps"] == 360
    assert found["totals"]["distance"] == 1200
    assert found["manual"]["steps"] == 24
    assert [(day["date"], day["steps"]) for day in found["days"]] == [
        (str(first), 180),
        (str(first + timedelta(days=1)), 180),
        (str(last), 0),
    ]
    assert found["best_day"]["steps"] == {"date": str(first), "value": 180}
    assert found["best_day"]["calories"] is None
    assert found["streak_days"] == 2
    assert found["trend"]["steps"] == {"current_7d": 360, "previous_7d": 0, "change_pct": None}
    newest = {one["source"]: one["last_data_at"] for one in found["sources"]}
    assert newest["watch"] == f"{first + timedelta(days=1)}T15:15:00Z"
    assert found["last_synced_at"] is None


def test_a_slot_belongs_to_the_date_of_the_zone(
    engine: Engine, factory: Factory, sign_in: SignIn
) -> None:
    person = factory.person(timezone="Asia/Kathmandu")
    store(engine, person, [("phone", Device(SourceKind.PHONE, {72: 1, 73: 10}))])
    found: Any = sign_in(person).get(f"/fitness/stats/{person.user_id}").json
    steps = {day["date"]: day["steps"] for day in found["days"] if day["steps"]}
    # Kathmandu is 5:45 ahead, so 18:00 UTC is 23:45 and 18:15 is the next day.
    assert steps == {str(START.date()): 1, str(START.date() + timedelta(days=1)): 10}


@pytest.mark.parametrize(
    "query",
    [
        "?from=2026-01-02&to=2026-01-01",
        "?tz=Mars",
        "?to=2999-01-01",
        "?from=2020-01-01",
        "?to=x",
        "?from=0001-01-01&to=0001-01-02&tz=Pacific/Kiritimati",
        "?to=0001-01-01",
        "?from=9999-12-31",
    ],
)
def test_a_stretch_that_is_none_is_refused(caller: Caller, query: str) -> None:
    assert caller.get(f"/fitness/stats/me{query}").status_code == 422


def test_stats_are_ones_own(caller: Caller, factory: Factory) -> None:
    assert caller.get(f"/fitness/stats/{factory.person().user_id}").status_code == 404
    assert caller.get("/fitness/stats/nobody").status_code == 404


def test_sources_are_listed_and_put_in_order(
    engine: Engine, factory: Factory, sign_in: SignIn
) -> None:
    person = factory.person()
    caller = sign_in(person)
    store(engine, person, DEVICES)
    listed: Any = caller.get("/fitness/sources").json
    assert [one["key"] for one in listed["items"]] == ["watch", "phone", "scale"]
    put: Any = caller.call("PUT", "/fitness/sources", json={"keys": ["phone"]}).json
    assert [one["key"] for one in put["items"]] == ["phone", "watch", "scale"]
    for keys in (["phone", "phone"], ["somebody's"]):
        refused = caller.call("PUT", "/fitness/sources", json={"keys": keys})
        assert refused.status_code == 422
    before = factory.competition(starts_at=START)
    with clock.moved(timedelta(minutes=20)):
        after = factory.competition(starts_at=START + timedelta(days=4))
    for competition in (before, after):
        factory.participant(competition, person)
    store(engine, person, [("phone", Device(SourceKind.PHONE, {40: 1})), ("watch", WATCH)], day=1)
    store(engine, person, [("phone", Device(SourceKind.PHONE, {40: 1})), ("watch", WATCH)], day=4)
    assert explanation_of(caller, before, person.user_id)["score"] == 2 * (100 + 50)
    assert explanation_of(caller, after, person.user_id)["score"] == 1 + 50
