"""The copy of everything that is kept about someone."""

import json
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions.life import advance
from domain.erasure import erase
from domain.errors import NotFound
from domain.personal_data.part import Whose
from domain.personal_data.parts import PARTS
from domain.personal_data.reading import places, read
from domain.redis import Redis
from domain.settings import Settings
from models import Competition, Participant, Person
from models.competition import CompetitionStatus
from models.flag import Decision
from models.payout import PayoutStatus
from tests.factories import START, Factory
from tests.integration.payouts.purse import Purse
from tests.integration.scoring.flagged import SHAKEN, Contest, phone
from tests.integration.web.conftest import SECRET, Caller, SignIn
from tests.integration.web.lived import lived, mentions, personal
from tests.integration.web.test_finished_boards import freeze
from web import limits, personal_data
from worker.unit import unit_of_work


@pytest.fixture
def site_settings(beside_google: Settings) -> Settings:
    """As everywhere, and Google is the sandbox."""
    return beside_google.model_copy(update={"supabase_jwt_secret": SECRET})


def copy_of(caller: Caller) -> list[dict[str, Any]]:
    """Return all lines but the last one, which says how many these are."""
    answer = caller.get("/me/export")
    assert (answer.status_code, answer.mimetype) == (200, "application/x-ndjson")
    *lines, end = (json.loads(line) for line in answer.text.splitlines())
    assert end == {"part": "end", "lines": len(lines)}
    return lines


def of_part(lines: list[dict[str, Any]], part: str) -> list[dict[str, Any]]:
    return [one for one in lines if one["part"] == part]


def test_a_newcomer_is_a_name(caller: Caller) -> None:
    (line,) = copy_of(caller)
    assert (line["part"], line["user_id"]) == ("person", str(caller.sub))
    assert line["created_at"].endswith("Z")


def test_wherever_someone_stands_they_are_shown(
    ada: Person,
    contest: Competition,
    sign_in: SignIn,
    engine: Engine,
    session: Session,
    redis: Redis,
) -> None:
    caller = sign_in(ada)
    lived(caller, contest)
    lines = copy_of(caller)
    parts = {one["part"] for one in lines}
    tables = {part.table.name: part.name for part in PARTS}
    where = mentions(engine, redis, personal(session, ada, caller))
    assert {tables[one] for one in where if one in tables} <= parts
    assert {"consent", "sync", "day", "score_day", "payout_account", "answer"} <= parts
    (record,) = of_part(lines, "record")
    assert (record["value"], record["metric"], record["provider"]) == (
        812,
        "steps",
        "health_connect",
    )
    assert sum(filter(None, of_part(lines, "day")[0]["slots"])) == 812
    (place,) = of_part(lines, "participation")
    assert (place["competition_id"], place["score"]) == (str(contest.id), 812)
    text = json.dumps(lines)
    others = session.query(Participant.user_id).where(Participant.person_id != ada.id).all()
    assert [one for (one,) in others if str(one) in text] == []
    assert "token" not in json.dumps(of_part(lines, "connection"))


def test_winners_and_organisers_see_their_own_and_nobody_else(
    factory: Factory, engine: Engine, session: Session, sign_in: SignIn
) -> None:
    organiser, doubted = factory.people(2)
    contest = over(factory, engine, organiser, doubted)
    purse = Purse(engine, factory)
    won = purse.won([600, 400], people=[doubted, factory.person()])
    purse.bring(purse.distribute(won.competition.id), PayoutStatus.PAID)

    theirs = copy_of(sign_in(doubted))
    (place,) = [one for one in of_part(theirs, "place") if one["version"] == 1]
    assert (place["competition_id"], place["rank"], place["score"]) == (str(contest.id), 1, 700)
    (flag,) = of_part(theirs, "flag")
    assert (flag["decision"], flag["decided_by"], flag["note"]) == ("rejected", "other", "Shaken.")
    assert [one["amount"] for one in of_part(theirs, "award")] == [600]
    (payout,) = of_part(theirs, "payout")
    assert (payout["status"], payout["amount"]) == ("paid", 600)
    assert {one["actor"] for one in of_part(theirs, "payout_step")} == {"rail"}
    assert sum(one["amount"] for one in of_part(theirs, "ledger_entry")) == 0
    assert str(organiser.user_id) not in json.dumps(theirs)

    lines = copy_of(sign_in(organiser))
    (decision,) = of_part(lines, "decision")
    assert (decision["person"], decision["decided_by"]) == ("other", "me")
    assert decision.keys().isdisjoint({"slots", "evidence", "source"})
    (made,) = of_part(lines, "competition")
    assert (made["id"], made["organiser"]) == (str(contest.id), "me")
    assert str(doubted.user_id) not in json.dumps(lines)
    for whose in (doubted, organiser):
        one_by_one(session, Whose(whose.id, whose.user_id))


def over(factory: Factory, engine: Engine, organiser: Person, doubted: Person) -> Competition:
    """Freeze a day in which somebody's data was doubted, and is not taken."""
    made = factory.competition(
        organiser,
        ends_at=START + timedelta(days=1),
        grace_hours=6,
        review_hours=1_000,
        status=CompetitionStatus.CLOSING,
    )
    factory.participant(made, doubted)
    contest = Contest(engine, factory.session, organiser, doubted, made)
    with clock.moved(made.cutoff_at - timedelta(hours=1) - clock.now()):
        contest.store(phone({40: SHAKEN, 41: 700}))
        contest.decide(contest.flag(), Decision.REJECTED, "Shaken.")
    with unit_of_work(engine) as unit:
        advance(unit.session, made.id, clock.now())
    freeze(engine)
    return made


def one_by_one(session: Session, who: Whose) -> None:
    """Check that pages of one row add up to the whole of each part."""
    readers = [(part.name, partial(read, session, part, who)) for part in PARTS]
    for name, page in (*readers, ("place", partial(places, session, who))):
        whole, found, after = page(None, 1_000), list[dict[str, Any]](), None
        assert whole.last is None
        while True:
            single = page(after, 1)
            found += single.lines
            if (after := single.last) is None:
                break
        assert found == whole.lines, name


def test_a_page_at_a_time_is_held(
    ada: Person, contest: Competition, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = sign_in(ada)
    lived(caller, contest)
    monkeypatch.setattr(personal_data, "PAGE", 2)
    answer = caller.client.get("/api/v1/me/export", headers=caller.credential(), buffered=False)
    sizes = [chunk.count(b"\n") for chunk in answer.iter_encoded()]
    assert max(sizes) == 2
    assert sum(sizes) > 10


def test_who_is_erased_meanwhile_gets_no_end(
    ada: Person, contest: Competition, sign_in: SignIn, engine: Engine
) -> None:
    caller = sign_in(ada)
    lived(caller, contest)
    answer = caller.client.get("/api/v1/me/export", headers=caller.credential(), buffered=False)
    chunks = answer.iter_encoded()
    assert b'"part":"person"' in next(chunks)
    with unit_of_work(engine) as unit:
        assert erase(unit.session, ada.id, clock.now())
    with pytest.raises(NotFound):
        next(chunks)
    assert caller.get("/me/export").status_code == 404


def test_it_is_limited(caller: Caller) -> None:
    allowed = limits.MY_DATA.of_person[0].amount
    asked = [caller.get("/me/export").status_code for _ in range(allowed + 1)]
    assert asked == [*[200] * allowed, 429]
