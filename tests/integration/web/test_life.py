"""What organisers do to a competition and its participants, and what it came to."""

import csv
import io
import uuid
from datetime import timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions import freezing
from domain.competitions.life import advance
from domain.fitness.windows import QUARTER, floor_quarter
from domain.redis import Redis
from models import Competition, Person, Transition
from models.api_key import KeyScope
from models.competition import CompetitionStatus
from models.source import SourceKind
from tests.devices import Device, store
from tests.factories import START, Factory
from tests.integration.web.conftest import SignIn, WithKey
from web.cursors import write_cursor
from web.standings import LAST_PLACE
from worker.unit import unit_of_work

ADMIN = {"app_metadata": {"role": "admin"}}


@pytest.fixture
def organiser(factory: Factory) -> Person:
    """Who made the competition."""
    return factory.person()


@pytest.fixture
def closing(factory: Factory, organiser: Person) -> Competition:
    """A competition past its cut-off that nobody has frozen, of three people."""
    made = factory.competition(
        organiser,
        ends_at=START + timedelta(days=1),
        grace_hours=0,
        review_hours=1,
        status=CompetitionStatus.CLOSING,
    )
    for name, score in (("Ann", 30), ("=1+1", 30), ('Cy, the "Fast"', 7)):
        factory.participant(made, factory.person(display_name=name), score)
    return made


def freeze(engine: Engine) -> None:
    """Write every standing that is owed."""
    with unit_of_work(engine) as unit:
        standings = freezing.unfinished_standings(unit.session, 10)
        for one in standings:
            freezing.write_page(unit.session, one, clock.now())


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


@pytest.mark.parametrize("act", ["cancel", "end", "participants/{user}/disqualify"])
def test_only_organisers_and_admins_direct(
    sign_in: SignIn, factory: Factory, organiser: Person, act: str
) -> None:
    competition, guest = factory.competition(organiser), factory.person()
    factory.participant(competition, guest)
    path = f"/competitions/{competition.id}/{act.format(user=guest.user_id)}"
    assert code(sign_in(guest).post(path, {"reason": "No."})) == (403, "not_allowed")
    assert sign_in(**ADMIN).post(path, {"reason": "Storm."}).status_code == 200
    assert code(
        sign_in(organiser).post(
            path.replace(str(competition.id), str(guest.user_id)), {"reason": "No."}
        )
    ) == (404, "competition_not_found")


def test_cancelling_is_told_with_its_reason(
    sign_in: SignIn, factory: Factory, organiser: Person, redis: Redis
) -> None:
    competition, caller = factory.competition(organiser), sign_in(organiser)
    path = f"/competitions/{competition.id}"
    answer: Any = caller.post(f"{path}/cancel", {"reason": "Storm."}, key="once").json
    assert answer["status"] == "cancelled"
    assert redis.exists("bell:leaderboards.flush")
    assert caller.post(f"{path}/cancel", {"reason": "Storm."}, key="once").json == answer
    (step,) = sign_in().get(f"{path}/history").json["items"]  # type: ignore[index]
    assert {**step, "at": None} == {
        "before": "active",
        "after": "cancelled",
        "at": None,
        "by": "organiser",
        "reason": "Storm.",
    }
    assert code(caller.post(f"{path}/end")) == (409, "competition_not_running")


@pytest.mark.parametrize(("act", "status"), [("cancel", "cancelled"), ("end", "closing")])
def test_services_cancel_and_end_and_are_told_apart(
    with_key: WithKey, sign_in: SignIn, factory: Factory, session: Session, act: str, status: str
) -> None:
    competition = factory.competition(visibility="private", invite_code="x")
    machine, path = with_key(KeyScope.COMPETITIONS_WRITE), f"/competitions/{competition.id}"
    done: Any = machine.post(f"{path}/{act}", {"reason": "Storm."}, key="once").json
    assert (done["status"], done["organiser"], done["invite_code"]) == (status, False, None)
    assert machine.post(f"{path}/{act}", {"reason": "Storm."}, key="once").json == done
    (step,) = sign_in(**ADMIN).get(f"{path}/history").json["items"]  # type: ignore[index]
    assert (step["by"], step["reason"]) == ("service", "Storm.")
    assert session.scalars(select(Transition.service)).one() == "treadmills"
    guest = f"{path}/participants/{uuid.uuid4()}/disqualify"
    assert code(machine.post(guest, {"reason": "No."})) == (403, "people_only")
    other = with_key(KeyScope.SCORES_WRITE, name="others")
    assert code(other.post(f"{path}/{act}")) == (403, "scope_missing")


def test_an_early_end(
    sign_in: SignIn,
    engine: Engine,
    session: Session,
    factory: Factory,
    organiser: Person,
) -> None:
    competition, walker = factory.competition(organiser, grace_hours=5), factory.person()
    factory.participant(competition, walker)
    before = clock.now()
    ended: Any = sign_in(organiser).post(f"/competitions/{competition.id}/end").json
    assert ended["status"] == "closing"
    session.refresh(competition)
    assert competition.ends_at in {floor_quarter(one) + QUARTER for one in (before, clock.now())}
    assert timedelta(hours=5) <= competition.cutoff_at - before < timedelta(hours=5, minutes=1)
    days = session.scalars(
        text("SELECT ends_at FROM competition_day WHERE competition_id = :id ORDER BY day"),
        {"id": competition.id},
    ).all()
    assert days[-1] == competition.ends_at
    assert code(sign_in(organiser).post(f"/competitions/{competition.id}/end")) == (
        409,
        "competition_not_running",
    )


def test_the_disqualified_are_off_the_board_and_keep_their_place(
    sign_in: SignIn, factory: Factory, organiser: Person
) -> None:
    competition, cheat = factory.competition(organiser, max_participants=2), factory.person()
    factory.participant(competition, cheat, 90)
    factory.participant(competition, factory.person(), 10)
    directs, path = sign_in(organiser), f"/competitions/{competition.id}"
    ruling = f"{path}/participants/{cheat.user_id}"
    assert code(directs.post(f"{ruling}/disqualify", {})) == (422, "invalid")
    for _ in range(2):
        ruled: Any = directs.post(f"{ruling}/disqualify", {"reason": "Rode a bicycle."}).json
        assert ruled["status"] == "disqualified"
    board: Any = sign_in(cheat).get(f"/leaderboard/{competition.id}").json
    assert ([one["rank"] for one in board["entries"]], board["total"], board["me"]) == (
        [1],
        1,
        None,
    )
    assert code(sign_in().post(f"{path}/join")) == (409, "competition_full")
    for viewer, reason in (
        (directs, "Rode a bicycle."),
        (sign_in(cheat), "Rode a bicycle."),
        (sign_in(), None),
    ):
        listed: Any = viewer.get(f"{path}/participants").json
        (first, second) = listed["items"]
        assert (first["status"], first["reason"]) == ("disqualified", reason)
        assert (second["status"], second["reason"]) == ("active", None)
    directs.post(f"{ruling}/reinstate", {"reason": "It was a tandem."})
    listed = directs.get(f"{path}/participants").json
    assert {one["status"] for one in listed["items"]} == {"active"}
    absent = f"{path}/participants/{organiser.user_id}/disqualify"
    assert code(directs.post(absent, {"reason": "No."})) == (404, "not_a_participant")


def test_the_organiser_sees_who_is_behind(
    sign_in: SignIn, engine: Engine, factory: Factory, organiser: Person
) -> None:
    competition = factory.competition(
        organiser, ends_at=START + timedelta(days=1), status=CompetitionStatus.CLOSING
    )
    fresh, stale = factory.person(), factory.person()
    for person, slot in ((fresh, 60), (stale, 40)):
        factory.participant(competition, person)
        store(engine, person, [("phone", Device(SourceKind.PHONE, {slot: 5}))])
    path = f"/competitions/{competition.id}"
    listed: Any = sign_in(organiser).get(f"{path}/participants").json
    assert [one["behind"] for one in listed["items"]] == [False, True]
    at = (START + 61 * QUARTER).isoformat().replace("+00:00", "Z")
    sources = [{"source": "phone", "last_data_at": at}]
    assert listed["items"][0]["freshness"]["sources"] == sources
    shown: Any = sign_in(fresh).get(path).json
    assert shown["freshness"]["sources"] == sources
    listed = sign_in(fresh).get(f"{path}/participants").json
    assert {(one["behind"], one["freshness"]) for one in listed["items"]} == {(None, None)}


def test_a_standing_is_read_page_by_page_and_version_by_version(
    sign_in: SignIn, engine: Engine, session: Session, closing: Competition, organiser: Person
) -> None:
    caller, path = sign_in(), f"/competitions/{closing.id}"
    assert code(caller.get(f"{path}/standing")) == (404, "standing_not_found")
    assert caller.get(f"{path}/standings").json == {"items": [], "next_cursor": None}
    with unit_of_work(engine) as unit:
        advance(unit.session, closing.id, clock.now())
    assert code(caller.get(f"{path}/standing.csv")) == (404, "standing_not_found")
    freeze(engine)
    first: Any = caller.get(f"{path}/standing?limit=2").json
    assert [(one["rank"], one["score"]) for one in first["items"]] == [(1, 30), (1, 30)]
    assert (first["version"]["version"], first["version"]["by"]) == (1, "clock")
    second: Any = caller.get(f"{path}/standing?limit=2&cursor={first['next_cursor']}").json
    ((last, cursor),) = [(one, second["next_cursor"]) for one in second["items"]]
    assert (last["rank"], last["score"], cursor) == (3, 7, None)
    ruling = f"{path}/participants/{first['items'][0]['user_id']}/disqualify"
    assert sign_in(organiser).post(ruling, {"reason": "Rode a bicycle."}).status_code == 200
    assert caller.get(f"{path}/standing").json["version"]["version"] == 1  # type: ignore[index]
    freeze(engine)
    newest: Any = caller.get(f"{path}/standing").json
    assert newest["version"]["reason"] == "disqualified: Rode a bicycle."
    assert (newest["version"]["by"], newest["version"]["total"]) == ("organiser", 2)
    assert [one["rank"] for one in newest["items"]] == [1, 2]
    listed: Any = caller.get(f"{path}/standings").json
    assert [one["version"] for one in listed["items"]] == [2, 1]
    assert caller.get(f"{path}/standing?version=1&limit=2").json == first
    assert code(caller.get(f"{path}/standing?version=3")) == (404, "standing_not_found")
    cursor = write_cursor(TypeAdapter(int), LAST_PLACE)
    beyond: Any = caller.get(f"{path}/standing?cursor={cursor}&limit=100").json
    assert beyond["items"] == []
    for place in (0, LAST_PLACE + 1, 10**30):
        cursor = write_cursor(TypeAdapter(int), place)
        assert code(caller.get(f"{path}/standing?cursor={cursor}")) == (422, "invalid")


def test_the_table_is_harmless_to_spreadsheets(
    sign_in: SignIn, engine: Engine, closing: Competition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.standings.CSV_PAGE", 2)
    with unit_of_work(engine) as unit:
        advance(unit.session, closing.id, clock.now())
    freeze(engine)
    answer = sign_in().get(f"/competitions/{closing.id}/standing.csv")
    assert answer.headers["Content-Disposition"].endswith('-1.csv"')
    head, *rows = csv.reader(io.StringIO(answer.text))
    assert head == ["rank", "user_id", "display_name", "score", "computed", "posted"]
    assert {row[2] for row in rows[:2]} == {"Ann", "'=1+1"}
    assert (rows[2][0], rows[2][2], rows[2][3:]) == ("3", 'Cy, the "Fast"', ["7", "7", "0"])


def test_what_is_final_is_corrected_by_admins(
    sign_in: SignIn,
    factory: Factory,
    engine: Engine,
    session: Session,
    closing: Competition,
    organiser: Person,
) -> None:
    for _ in range(2):
        with unit_of_work(engine) as unit:
            advance(unit.session, closing.id, clock.now() + timedelta(hours=2))
        freeze(engine)
    session.refresh(closing)
    session.execute(text("UPDATE competition SET review_hours = 0"))
    session.commit()
    with unit_of_work(engine) as unit:
        advance(unit.session, closing.id, clock.now() + timedelta(hours=4))
    first: Any = sign_in().get(f"/competitions/{closing.id}/standing").json
    ruling = f"/competitions/{closing.id}/participants/{first['items'][0]['user_id']}/disqualify"
    reason = {"reason": "Rode a bicycle."}
    assert code(sign_in(organiser).post(ruling, reason)) == (409, "competition_final")
    assert sign_in(**ADMIN).post(ruling, reason).status_code == 200
    freeze(engine)
    newest: Any = sign_in().get(f"/competitions/{closing.id}/standing").json
    assert (newest["version"]["version"], newest["version"]["by"]) == (2, "admin")
    assert sign_in().get(f"/competitions/{closing.id}").json["status"] == "final"  # type: ignore[index]
