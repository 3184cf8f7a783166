"""Changing a competition: rules until the start, words for ever."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session

from domain import clock
from domain.redis import Redis
from models import (
    BoardDirty,
    Competition,
    CompetitionDay,
    FitnessConnection,
    Participant,
    PastRules,
    Person,
    SyncRequest,
)
from models.competition import CompetitionStatus
from models.slots import Metric
from models.source import SourceKind
from tests.devices import Device, store
from tests.factories import START, Factory
from tests.integration.web.conftest import Caller, SignIn
from tests.integration.web.test_competitions import quarter, wanted

BEFORE = {"status": CompetitionStatus.UPCOMING, "late_join": False}


def patched(caller: Caller, path: str, **changes: Any) -> Any:
    """Change something that may be changed; return the competition."""
    answer = caller.call("PATCH", path, json=changes)
    assert answer.status_code == 200, answer.text
    return answer.json


def refused(caller: Caller, path: str, **changes: Any) -> tuple[int, str]:
    answer = caller.call("PATCH", path, json=changes)
    problem: Any = answer.json
    return answer.status_code, problem["code"]


def upcoming(factory: Factory, organiser: Person, **columns: Any) -> Competition:
    """Make one that starts in two hours."""
    start = datetime.fromisoformat(quarter(timedelta(hours=2)))
    times = {"starts_at": start, "ends_at": start + timedelta(days=7)}
    return factory.competition(organiser, **{**BEFORE, **times, **columns})


def path_of(competition: Competition) -> str:
    return f"/competitions/{competition.id}"


CHANGES: dict[str, Any] = {
    "name": "Summer steps",
    "description": "All summer.",
    "metric": "distance",
    "starts_at": quarter(timedelta(days=3)),
    "ends_at": quarter(timedelta(days=20)),
    "timezone": "Australia/Lord_Howe",
    "visibility": "private",
    "max_participants": 9,
    "daily_cap": 5000,
    "min_score": 10,
    "sources": "all",
    "grace_hours": 3,
    "review_hours": 5,
    "late_join": False,
    "prize": {
        "currency": "EUR",
        "pool": 900,
        "split": {"kind": "percent", "places": [60, 30]},
        "auto_distribute": True,
    },
}


@pytest.mark.parametrize("field", CHANGES)
def test_every_field_may_change_before_the_start(caller: Caller, field: str) -> None:
    made: Any = caller.post("/competitions", wanted()).json
    changed = patched(caller, f"/competitions/{made['id']}", **{field: CHANGES[field]})
    assert changed[field] == CHANGES[field]
    touched = {field}
    if field not in {"name", "description"}:
        touched.add("rules_version")
        assert changed["rules_version"] == 2
    if field == "visibility":
        touched.add("invite_code")
    if field == "prize":
        touched.add("funded")
    assert {name for name in made if made[name] != changed[name]} == touched
    assert caller.get(f"/competitions/{made['id']}").json == changed


def test_all_at_once_and_back(caller: Caller, session: Session) -> None:
    made: Any = caller.post("/competitions", wanted(description="x", daily_cap=7)).json
    path, goal = f"/competitions/{made['id']}", {"kind": "goal_days", "goal": 100}
    changed = patched(caller, path, **CHANGES, scoring=goal)
    assert {name: changed[name] for name in CHANGES} == CHANGES
    assert (changed["scoring"], changed["rules_version"]) == (goal, 2)
    gone = {"daily_cap": None, "description": None, "prize": None}
    first = {name: made[name] for name in wanted()} | gone
    back = patched(caller, path, **first, scoring={"kind": "best_day"})
    assert {name: back[name] for name in first} == first
    assert (back["scoring"], back["rules_version"]) == ({"kind": "best_day", "goal": None}, 3)
    assert back["invite_code"] is None
    kept = session.scalars(select(PastRules).order_by(PastRules.version)).all()
    assert [(one.version, one.rules["daily_cap"], one.rules["goal"]) for one in kept] == [
        (1, 7, None),
        (2, 5000, 100),
    ]
    assert kept[0].rules["starts_at"] == made["starts_at"]
    assert [one.rules["prize"] and one.rules["prize"]["pool"] for one in kept] == [None, 900]
    assert "name" not in kept[0].rules
    assert kept[0].changed_by == session.scalars(select(Person.id)).one()


def test_former_rules_can_be_read(caller: Caller, sign_in: SignIn) -> None:
    made: Any = caller.post("/competitions", wanted(daily_cap=7)).json
    path = f"/competitions/{made['id']}"
    seen = [made, patched(caller, path, **CHANGES), patched(caller, path, daily_cap=None)]
    found: Any = caller.get(f"{path}/rules").json
    assert found["next_cursor"] is None
    assert [one["version"] for one in found["items"]] == [3, 2, 1]
    for rules, then in zip(found["items"], reversed(seen), strict=True):
        facts = rules.keys() - {"version", "since", "by"}
        assert {name: rules[name] for name in facts} == {name: then[name] for name in facts}
        assert facts >= CHANGES.keys() - {"name", "description"} | {"scoring"}
        assert rules["by"] == "organiser"
    newest, second, first = (one["since"] for one in found["items"])
    assert newest > second > first == made["created_at"]
    one_by_one, page = list[Any](), "?limit=1"
    while page:
        answer: Any = caller.get(f"{path}/rules{page}").json
        one_by_one += answer["items"]
        page = f"?limit=1&cursor={cursor}" if (cursor := answer["next_cursor"]) else ""
    assert one_by_one == found["items"]
    assert sign_in().get(f"{path}/rules").status_code == 404, "it is private now"


def test_the_calendar_follows(caller: Caller, session: Session) -> None:
    made: Any = caller.post("/competitions", wanted()).json
    patched(caller, f"/competitions/{made['id']}", timezone="Asia/Kathmandu")
    patched(caller, f"/competitions/{made['id']}", ends_at=CHANGES["ends_at"])
    days = session.scalars(select(CompetitionDay).order_by(CompetitionDay.day)).all()
    start, end = (
        datetime.fromisoformat(moment) for moment in (made["starts_at"], CHANGES["ends_at"])
    )
    assert (days[0].starts_at, days[-1].ends_at) == (start, end)
    assert [day.ends_at for day in days[:-1]] == [day.starts_at for day in days[1:]]
    assert {(day.starts_at.hour, day.starts_at.minute) for day in days[1:]} == {(18, 15)}


def test_nothing_new_is_no_version(caller: Caller, session: Session) -> None:
    made: Any = caller.post("/competitions", wanted(daily_cap=5)).json
    path = f"/competitions/{made['id']}"
    assert patched(caller, path) == made
    assert patched(caller, path, **wanted(daily_cap=5), scoring={"kind": "total"}) == made
    assert session.scalar(select(func.count()).select_from(PastRules)) == 0


def test_after_the_start_words_may_change_and_rules_not(
    factory: Factory, sign_in: SignIn, session: Session
) -> None:
    organiser = factory.person()
    caller = sign_in(organiser)
    for status in set(CompetitionStatus) - {CompetitionStatus.UPCOMING}:
        path = path_of(factory.competition(organiser, status=status))
        changed = patched(caller, path, name="Renamed", description="Why not")
        assert (changed["name"], changed["description"]) == ("Renamed", "Why not")
        # What is sent as it is changes nothing.
        patched(caller, path, name="Again", daily_cap=None, metric="steps")
        for field in CHANGES.keys() - {"name", "description", "late_join"}:
            both = {"name": "Sneaked in", field: CHANGES[field]}
            assert refused(caller, path, **both) == (409, "competition_started"), field
        scoring = {"kind": "best_day"}
        assert refused(caller, path, scoring=scoring) == (409, "competition_started")
        again: Any = caller.get(path).json
        assert (again["name"], again["rules_version"]) == ("Again", 1)


def test_the_start_counts_even_when_no_sweep_has_seen_it(factory: Factory, sign_in: SignIn) -> None:
    organiser = factory.person()
    competition = upcoming(factory, organiser)
    with clock.moved(competition.starts_at - clock.now()):
        answer = refused(sign_in(organiser), path_of(competition), daily_cap=5)
    assert answer == (409, "competition_started")


def test_who_may(factory: Factory, sign_in: SignIn) -> None:
    organiser, person = factory.people(2)
    open_, hidden = (
        upcoming(factory, organiser),
        upcoming(factory, organiser, visibility="private", invite_code="x"),
    )
    factory.participant(open_, person)
    assert refused(sign_in(person), path_of(open_), name="Mine") == (403, "not_allowed")
    admin = sign_in(app_metadata={"role": "admin"})
    assert refused(admin, path_of(open_), name="Mine") == (403, "not_allowed")
    assert refused(sign_in(person), path_of(hidden), name="Mine") == (404, "competition_not_found")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": None},
        {"name": " "},
        {"metric": None},
        {"starts_at": None},
        {"starts_at": "2026-11-22T08:01:00Z"},
        {"ends_at": "2020-01-01T00:00:00Z"},
        {"starts_at": quarter(timedelta(days=30))},
        {"scoring": None},
        {"scoring": {"kind": "goal_days"}},
        {"late_join": None},
        {"daily_cap": 0},
        {"status": "final"},
        {"goal": 5},
        {"invite_code": "x"},
        {"rules_version": 7},
    ],
)
def test_refuses_what_does_not_fit(
    caller: Caller, session: Session, changes: dict[str, Any]
) -> None:
    made: Any = caller.post("/competitions", wanted()).json
    path = f"/competitions/{made['id']}"
    assert caller.call("PATCH", path, json=changes).status_code == 422
    assert caller.get(path).json == made
    assert session.scalar(select(func.count()).select_from(PastRules)) == 0


def test_nobody_loses_a_place(factory: Factory, sign_in: SignIn) -> None:
    organiser, *people = factory.people(4)
    competition = upcoming(factory, organiser)
    for person in people:
        factory.participant(competition, person)
    caller, path = sign_in(organiser), path_of(competition)
    expected = (409, "capacity_below_participants")
    assert refused(caller, path, max_participants=2) == expected
    assert patched(caller, path, max_participants=3)["max_participants"] == 3


def test_scores_are_counted_by_the_new_rules(
    engine: Engine, factory: Factory, sign_in: SignIn, session: Session, redis: Redis
) -> None:
    """A start in the past: what was walked since then counts, by the rules of the change."""
    organiser, walker, idle = factory.people(3)
    competition = upcoming(factory, organiser, daily_cap=120)
    for person in (walker, idle):
        factory.participant(competition, person)
    for day in (0, 1):
        store(engine, walker, [("phone", Device(SourceKind.PHONE, {40: 100, 41: 70}))], day=day)
    store(
        engine,
        walker,
        [("phone", Device(SourceKind.PHONE, {40: 9}))],
        metric=Metric.DISTANCE,
    )
    session.execute(delete(BoardDirty))
    session.commit()
    caller, path = sign_in(organiser), path_of(competition)
    redis.delete("bell:leaderboards.flush")
    patched(caller, path, metric="distance", starts_at=START.isoformat().replace("+00:00", "Z"))
    scores = select(Participant.score).order_by(Participant.person_id)
    assert session.scalars(scores).all() == [9, 0]
    marks = session.scalars(select(BoardDirty.person_id)).all()
    assert set(marks) == {None, walker.id}
    assert redis.get("bell:leaderboards.flush") == b"1"


def test_scores_of_the_old_rules_go(
    engine: Engine, factory: Factory, sign_in: SignIn, session: Session
) -> None:
    """The clock of the test goes back, so that a competition has data before its start."""
    organiser, walker = factory.people(2)
    competition = factory.competition(organiser, **BEFORE)
    factory.participant(competition, walker)
    store(engine, walker, [("phone", Device(SourceKind.PHONE, {40: 100}))])
    caller, path = sign_in(organiser), path_of(competition)
    scores = select(Participant.score)
    assert session.scalars(scores).all() == [100]
    with clock.moved(START - timedelta(hours=1) - clock.now()):
        for change_, score in (
            ({"daily_cap": 30}, 30),
            ({"scoring": {"kind": "goal_days", "goal": 20}}, 1),
            ({"metric": "calories"}, 0),
            ({"metric": "steps", "scoring": {"kind": "total"}, "daily_cap": None}, 100),
            ({"starts_at": quarter(START + timedelta(hours=11) - clock.now())}, 0),
        ):
            patched(caller, path, **change_)
            session.rollback()
            assert session.scalars(scores).all() == [score], change_


def test_pulls_are_planned_anew(
    factory: Factory, sign_in: SignIn, session: Session, redis: Redis
) -> None:
    organiser, person = factory.people(2)
    now = clock.now()
    factory.connection(person, fetched_from=now - timedelta(hours=1), synced_until=now)
    competition = upcoming(factory, organiser)
    factory.participant(competition, person)
    caller, path = sign_in(organiser), path_of(competition)
    later = datetime.fromisoformat(quarter(timedelta(days=1)))
    patched(caller, path, starts_at=quarter(timedelta(days=1)))
    planned = select(FitnessConnection.next_pull_at)
    first = session.scalars(planned).one()
    assert first is not None
    assert first >= later
    owed = select(SyncRequest.window_from, SyncRequest.window_to)
    assert session.execute(owed).all() == []
    session.rollback()
    start = datetime.fromisoformat(quarter(timedelta(hours=-6)))
    patched(caller, path, starts_at=quarter(timedelta(hours=-6)))
    second = session.scalars(planned).one()
    assert second is not None
    assert second < later
    windows = session.execute(owed.order_by(SyncRequest.window_from)).all()
    assert windows[0].window_from == start
    assert redis.get("bell:fitness.pull_batch") == b"1"
