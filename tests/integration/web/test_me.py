"""One's own account."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.redis import Redis
from models import BoardDirty
from tests.factories import Factory
from tests.integration.web.conftest import Caller, SignIn


def test_a_newcomer_gets_a_row_from_the_token(sign_in: SignIn) -> None:
    caller = sign_in(user_metadata={"name": "Ada", "timezone": "Asia/Kathmandu"})
    first: Any = caller.get("/me").json
    assert first["user_id"] == str(caller.sub)
    assert (first["display_name"], first["timezone"]) == ("Ada", "Asia/Kathmandu")
    assert first["created_at"].endswith("Z")
    assert caller.get("/me").json == first


def test_changes_what_is_given(caller: Caller) -> None:
    before: Any = caller.get("/me").json
    after: Any = caller.call("PATCH", "/me", json={"display_name": "  Grace  "}).json
    assert after == {**before, "display_name": "Grace"}
    after = caller.call("PATCH", "/me", json={"timezone": "Australia/Lord_Howe"}).json
    assert after == {**before, "display_name": "Grace", "timezone": "Australia/Lord_Howe"}
    assert caller.get("/me").json == after


@pytest.mark.parametrize(
    "change",
    [
        {"display_name": ""},
        {"display_name": "   "},
        {"display_name": "x" * 81},
        {"display_name": "a\x00b"},
        {"display_name": "a\u202eb"},
        {"timezone": "Mars/Olympus"},
        {"timezone": "../UTC"},
        {"user_id": "somebody"},
    ],
)
def test_refuses_what_is_not_valid(caller: Caller, change: dict[str, str]) -> None:
    assert caller.call("PATCH", "/me", json=change).status_code == 422


def test_a_new_name_is_written_through_and_marks_the_boards(
    sign_in: SignIn, factory: Factory, session: Session, redis: Redis
) -> None:
    person = factory.person()
    competition = factory.competition()
    factory.participant(competition, person, 5)
    sign_in(person).call("PATCH", "/me", json={"display_name": "Grace"})
    written: Any = redis.hget("people:names", str(person.user_id))
    assert written == b"Grace"
    marks = session.execute(select(BoardDirty.competition_id, BoardDirty.person_id)).all()
    assert marks == [(competition.id, person.id)]
    assert redis.get("bell:leaderboards.flush") == b"1"
