"""Erasing an account: nothing of the person is left, and everything still adds up."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions.joining import join
from domain.erasure import NAMELESS, erase
from domain.errors import NotFound
from domain.leaderboards.store import BoardStore
from domain.redis import Redis
from domain.settings import Settings
from models import (
    Competition,
    Consent,
    Erasure,
    Participant,
    Person,
    SlotDay,
    Standing,
    SyncRequest,
)
from models.competition import CompetitionStatus
from models.payout import Payout, PayoutStatus
from tasks.mending import verify_board
from tests.factories import Factory
from tests.integration.fitness.conftest import Fetch, Pulls
from tests.integration.fitness.outside import Outside
from tests.integration.payouts.purse import Purse
from tests.integration.web.conftest import SECRET, SignIn
from tests.integration.web.lived import NAME, board_of, lived, mentions, personal, record
from tests.scores import recompute_everyone
from worker.unit import unit_of_work


@pytest.fixture
def site_settings(beside_google: Settings) -> Settings:
    """As everywhere, and Google is the sandbox."""
    return beside_google.model_copy(update={"supabase_jwt_secret": SECRET})


@pytest.fixture
def purse(engine: Engine, factory: Factory) -> Purse:
    """Makes payouts and looks at them."""
    return Purse(engine, factory)


def test_nothing_personal_is_left_and_the_board_still_adds_up(
    ada: Person,
    contest: Competition,
    sign_in: SignIn,
    engine: Engine,
    session: Session,
    redis: Redis,
    jobs: Callable[[], None],
    outside: Outside,
) -> None:
    caller = sign_in(ada)
    lived(caller, contest)
    jobs()
    caller.get(f"/leaderboard/{contest.id}")
    needles = personal(session, ada, caller)
    before = mentions(engine, redis, needles)
    assert {"person", "record", "source", "participant", "fitness_connection"} <= set(before)
    assert "people:names" in before
    assert board_of(redis, contest)[str(ada.user_id)] == 812

    assert caller.call("DELETE", "/me").status_code == 204
    jobs()

    assert mentions(engine, redis, needles) == []
    assert outside.calls("/revoke") == 1
    session.expire_all()
    assert session.get(Erasure, ada.id) is None
    assert session.scalars(select(Consent)).all() == []
    gone = session.get_one(Person, ada.id)
    assert (gone.sub, gone.display_name) == (None, NAMELESS)
    place = session.get_one(Participant, (contest.id, ada.id))
    assert (place.user_id, place.score) == (gone.user_id, 812)
    shown = board_of(redis, contest)
    assert shown[str(gone.user_id)] == 812
    assert len(shown) == 3
    verdict = verify_board(lambda: unit_of_work(engine), BoardStore(redis), contest.id)
    assert verdict.examples == []
    with unit_of_work(engine) as unit:
        recompute_everyone(unit.session, contest.id)
    session.expire_all()
    assert session.get_one(Participant, (contest.id, ada.id)).score == 812


def test_erased_twice_and_signed_in_anew(
    ada: Person,
    contest: Competition,
    sign_in: SignIn,
    session: Session,
    outside: Outside,
    jobs: Callable[[], None],
) -> None:
    caller = sign_in(ada)
    lived(caller, contest)
    for _ in range(2):
        answer = caller.call("DELETE", "/me")
        assert answer.status_code == 204
        assert {"RateLimit-Policy", "RateLimit"} <= set(answer.headers.keys())
        jobs()
        jobs()
    assert outside.calls("/revoke") == 1
    anew: Any = caller.get("/me").json
    assert anew["user_id"] == str(caller.sub)
    assert anew["display_name"] != NAME
    person = session.scalars(select(Person).where(Person.sub == caller.sub)).one()
    assert person.id != ada.id
    mine: Any = caller.get("/competitions?mine=true").json
    assert mine["items"] == []


def test_a_vendor_that_is_away_is_asked_again(
    ada: Person, sign_in: SignIn, session: Session, outside: Outside, jobs: Callable[[], None]
) -> None:
    caller = sign_in(ada)
    outside.fault("/revoke", kind="status", status=500, count=1)
    assert caller.call("DELETE", "/me").status_code == 204
    jobs()
    waiting = session.scalars(select(Erasure)).one()
    waiting.due_at = clock.now()
    session.commit()
    jobs()
    session.expire_all()
    assert session.scalars(select(Erasure)).all() == []
    assert outside.calls("/revoke") == 2


@pytest.mark.parametrize("status", PayoutStatus)
def test_only_prizes_on_their_way_keep_an_account(
    purse: Purse, sign_in: SignIn, session: Session, engine: Engine, status: PayoutStatus
) -> None:
    made = purse.won([600, 400])
    winner, _ = made.people
    purse.distribute(made.competition.id)
    theirs = session.scalars(select(Payout.id).where(Payout.person_id == winner.id)).all()
    purse.bring(theirs, status)
    answer = sign_in(winner).call("DELETE", "/me")
    if status in {PayoutStatus.PAID, PayoutStatus.FAILED, PayoutStatus.RETURNED}:
        assert answer.status_code == 204
        assert "erased" in session.scalars(text("SELECT destination FROM payout")).all()
    else:
        assert (answer.status_code, answer.json and answer.json["code"]) == (
            409,
            "payout_under_way",
        )
    purse.verify()


def test_a_standing_that_is_being_written_is_not_torn(
    ada: Person, factory: Factory, sign_in: SignIn, session: Session
) -> None:
    frozen = factory.competition(status=CompetitionStatus.PROVISIONAL)
    factory.participant(frozen, ada, 5)
    standing = Standing(
        competition_id=frozen.id,
        version=1,
        reason="frozen",
        created_at=clock.now(),
        last_ruling_id=0,
        page_rows=10,
        last_score=1,
        last_user_id=uuid.UUID(int=0),
        last_rank=1,
        digest=b"",
    )
    session.add(standing)
    session.commit()
    caller = sign_in(ada)
    refused = caller.call("DELETE", "/me")
    assert (refused.status_code, refused.json and refused.json["code"]) == (
        409,
        "standing_being_written",
    )
    standing.completed_at = clock.now()
    session.commit()
    assert caller.call("DELETE", "/me").status_code == 204
    session.expire_all()
    assert session.get_one(Participant, (frozen.id, ada.id)).computed == 5


def test_who_has_not_begun_leaves(
    ada: Person, factory: Factory, sign_in: SignIn, session: Session
) -> None:
    starts = clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
    coming = factory.competition(
        status=CompetitionStatus.UPCOMING, starts_at=starts, ends_at=starts + timedelta(days=1)
    )
    factory.participant(coming, ada)
    assert sign_in(ada).call("DELETE", "/me").status_code == 204
    session.expire_all()
    assert session.get(Participant, (coming.id, ada.id)) is None
    assert session.get_one(Competition, coming.id).participant_count == 0


def test_a_pull_that_comes_too_late_writes_nothing(
    factory: Factory, pulls: Pulls, engine: Engine, session: Session
) -> None:
    person = factory.person()
    pulls.connect(person)
    factory.participant(factory.competition(), person)
    (held,) = pulls.claimed(person)
    with unit_of_work(engine) as unit:
        assert erase(unit.session, person.id, clock.now())
    assert pulls.write(Fetch({1: 100}).by(held)).sync_ids == []
    assert session.scalars(select(SlotDay)).all() == []
    assert session.scalars(select(SyncRequest)).all() == []


def test_what_a_former_account_does_is_refused(
    ada: Person, contest: Competition, sign_in: SignIn, engine: Engine
) -> None:
    """Another process still knows the caller."""
    caller = sign_in(ada)
    caller.get("/me")
    with unit_of_work(engine) as unit:
        assert erase(unit.session, ada.id, clock.now())
    for answer in (
        caller.post(f"/competitions/{contest.id}/join", {}),
        caller.post("/fitness/records", record()),
        caller.call("PUT", "/fitness/sources", json={"keys": []}),
    ):
        assert (answer.status_code, answer.json and answer.json["code"]) == (404, "account_gone")
    assert caller.post("/fitness/sync", {}).status_code == 409


def test_a_transaction_that_dies_leaves_everything_as_it_was(
    ada: Person,
    contest: Competition,
    sign_in: SignIn,
    engine: Engine,
    redis: Redis,
    session: Session,
) -> None:
    caller = sign_in(ada)
    lived(caller, contest)
    needles = personal(session, ada, caller)
    before = sorted(mentions(engine, redis, needles))
    with engine.connect() as dying:
        assert erase(Session(dying), ada.id, clock.now())
    assert sorted(mentions(engine, redis, needles)) == before
    assert caller.get("/me").status_code == 200


def joins(engine: Engine, person: Person, contest: Competition, start: threading.Barrier) -> bool:
    """Join when the other is ready, too; say whether that was allowed."""
    start.wait()
    try:
        with unit_of_work(engine) as unit:
            join(unit.session, person, contest.id, None, clock.now())
    except NotFound:
        return False
    return True


def test_a_join_that_races_is_in_or_refused(
    contest: Competition, factory: Factory, engine: Engine, session: Session
) -> None:
    for person in factory.people(6):
        before = session.get_one(Competition, contest.id).participant_count
        start = threading.Barrier(2)
        with ThreadPoolExecutor() as pool:
            racing = pool.submit(joins, engine, person, contest, start)
            start.wait()
            with unit_of_work(engine) as unit:
                assert erase(unit.session, person.id, clock.now())
        session.expire_all()
        place = session.get(Participant, (contest.id, person.id))
        assert (place is not None) == racing.result()
        assert place is None or place.user_id == session.get_one(Person, person.id).user_id
        after = session.get_one(Competition, contest.id).participant_count
        assert after == before + racing.result()
