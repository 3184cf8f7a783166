"""Connections and syncs."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from domain import clock
from domain.fitness.google_scopes import ACTIVITY_SCOPE, LOCATION_SCOPE
from domain.fitness.vault import Vault
from domain.redis import Redis
from domain.settings import Settings
from models import Consent, FitnessConnection, FitnessToken, IdempotencyKey, Person, SyncRequest
from models.connection import ConnectionStatus
from models.slots import Metric
from models.sync import SyncStatus
from sandbox.people import PASSWORD
from sandbox.world import World
from tests.factories import START, Factory
from tests.integration.web.conftest import Caller, SignIn
from web import limits


@pytest.fixture
def site_settings(settings: Settings, sandbox: str) -> Settings:
    """As everywhere, and Google is the sandbox, where people also sign in."""
    return settings.model_copy(
        update={
            "supabase_url": sandbox,
            "supabase_jwt_secret": "a shared secret of at least thirty-two bytes",
            "google_token_url": f"{sandbox}/token",
            "google_revoke_url": f"{sandbox}/revoke",
        }
    )


def code_of(sandbox: str, person: str = "walker-001", **query: str) -> str:
    """Let one of the sandbox's people consent."""
    answer = requests.get(f"{sandbox}/control/people/{person}/code", params=query, timeout=60)
    code: str = answer.json()["code"]
    return code


def body_of(code: str) -> dict[str, str]:
    return {"provider": "google_fit", "server_auth_code": code}


def test_signs_in_with_the_sandbox_and_its_published_keys(
    sign_in: SignIn, sandbox: str, world: World
) -> None:
    answer = requests.post(
        f"{sandbox}/auth/v1/token",
        params={"grant_type": "password"},
        json={"email": "walker-001@sandbox.test", "password": PASSWORD},
        timeout=60,
    )
    caller = sign_in()
    caller.token = answer.json()["access_token"]
    me: Any = caller.get("/me").json
    assert me["user_id"] == answer.json()["user"]["id"]
    assert me["timezone"] != ""


def test_connects_and_keeps_the_grant_sealed(
    caller: Caller, sandbox: str, session: Session, site_settings: Settings
) -> None:
    answer = caller.post("/fitness/connections", body_of(code_of(sandbox)))
    made: Any = answer.json
    assert answer.status_code == 201
    assert (made["provider"], made["status"]) == ("google_fit", "active")
    assert any(scope.endswith("fitness.activity.read") for scope in made["scopes"])
    token = session.scalars(select(FitnessToken)).one()
    opened = Vault(site_settings.token_keys).open(token.refresh_token)
    assert opened.encode() not in token.refresh_token
    listed: Any = caller.get("/fitness/connections").json
    assert listed == {"items": [made], "next_cursor": None}
    again: Any = caller.post("/fitness/connections", body_of(code_of(sandbox))).json
    assert again["id"] == made["id"]


def test_a_connection_names_what_was_not_granted(caller: Caller, sandbox: str) -> None:
    def connected(scopes: str) -> Any:
        code = code_of(sandbox, scopes=scopes, prompt="consent")
        answer = caller.post("/fitness/connections", body_of(code))
        assert answer.status_code == 201
        listed: Any = caller.get("/fitness/connections").json
        assert listed["items"] == [answer.json]
        return listed["items"][0]["missing_scopes"]

    others = [metric for metric in Metric if metric is not Metric.DISTANCE]
    location = {"scope": LOCATION_SCOPE, "metrics": ["distance"]}
    assert connected(ACTIVITY_SCOPE) == [location]
    assert connected(LOCATION_SCOPE) == [{"scope": ACTIVITY_SCOPE, "metrics": others}]
    assert connected(f"openid {LOCATION_SCOPE} {ACTIVITY_SCOPE}") == []


def test_a_connection_says_when_it_is_pulled_and_what_it_owes(
    caller: Caller, session: Session, factory: Factory
) -> None:
    caller.get("/me")
    person = session.scalars(select(Person).where(Person.sub == caller.sub)).one()
    factory.connection(person, fetched_from=START, synced_until=clock.now())
    listed: Any = caller.get("/fitness/connections").json
    before = listed["items"][0]
    assert before["next_pull_at"] is None
    assert before["owed_windows"] == {"count": 0, "oldest_from": None, "since": None}
    competition = factory.competition(starts_at=START - timedelta(days=40))
    assert caller.post(f"/competitions/{competition.id}/join", {}).status_code == 200
    listed = caller.get("/fitness/connections").json
    after = listed["items"][0]
    owed = after["owed_windows"]
    assert datetime.fromisoformat(after["next_pull_at"]) > clock.now()
    assert owed["count"] == 2
    assert datetime.fromisoformat(owed["oldest_from"]) == competition.starts_at
    assert datetime.fromisoformat(owed["since"]) <= clock.now()


def test_each_consent_is_written_down_and_stays(
    caller: Caller, sandbox: str, session: Session
) -> None:
    def connect(key: str, **more: str) -> None:
        body = body_of(code_of(sandbox, scopes=ACTIVITY_SCOPE, prompt="consent"))
        for _ in range(2):
            assert caller.post("/fitness/connections", body | more, key=key).status_code == 201

    connect("first", consent_version="  2026-11 de ")
    connect("again")
    first, again = session.scalars(select(Consent).order_by(Consent.id)).all()
    assert (first.version, again.version) == ("2026-11 de", None)
    assert first.given_at < again.given_at
    assert first.scopes == again.scopes == [ACTIVITY_SCOPE]
    for change in ("UPDATE consent SET version = ''", "DELETE FROM consent", "TRUNCATE consent"):
        with pytest.raises(DBAPIError, match="consent"):
            session.execute(text(change))
        session.rollback()


def test_a_code_works_once(caller: Caller, sandbox: str) -> None:
    code = code_of(sandbox)
    caller.post("/fitness/connections", body_of(code))
    answer = caller.post("/fitness/connections", body_of(code))
    assert answer.status_code == 422
    assert answer.json
    assert answer.json["code"] == "invalid_server_auth_code"
    assert code not in answer.text


def test_an_account_belongs_to_one_person(sign_in: SignIn, sandbox: str) -> None:
    first, second = sign_in(), sign_in()
    first.post("/fitness/connections", body_of(code_of(sandbox)))
    answer = second.post("/fitness/connections", body_of(code_of(sandbox)))
    assert (answer.status_code, answer.json and answer.json["code"]) == (409, "account_in_use")
    assert second.get("/fitness/connections").json == {"items": [], "next_cursor": None}


def test_google_away_is_not_our_fault_and_can_be_tried_again(caller: Caller, sandbox: str) -> None:
    requests.post(
        f"{sandbox}/control/faults",
        json={"path": "/token", "kind": "status", "status": 503, "count": 1},
        timeout=60,
    ).raise_for_status()
    code = code_of(sandbox)
    answer = caller.post("/fitness/connections", body_of(code), key="k")
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert caller.post("/fitness/connections", body_of(code), key="k").status_code == 201


def test_disconnecting_revokes_and_keeps_the_history(
    sign_in: SignIn, sandbox: str, session: Session
) -> None:
    caller, other = sign_in(), sign_in()
    made: Any = caller.post("/fitness/connections", body_of(code_of(sandbox))).json
    path = f"/fitness/connections/{made['id']}"
    assert other.call("DELETE", path).status_code == 404
    for _ in range(2):
        assert caller.call("DELETE", path).status_code == 204
    calls = requests.get(f"{sandbox}/control/calls", params={"path": "/revoke"}, timeout=60).json()
    assert calls["total"] == 1
    assert session.scalars(select(FitnessToken)).all() == []
    kept = session.scalars(select(FitnessConnection)).one()
    assert kept.status is ConnectionStatus.DISCONNECTED
    refused = caller.post("/fitness/sync")
    assert (refused.status_code, refused.json and refused.json["code"]) == (409, "not_connected")


def test_a_token_that_no_key_opens_is_forgotten_all_the_same(
    sign_in: SignIn, factory: Factory, session: Session
) -> None:
    person = factory.person()
    connection = factory.connection(person)
    lost = Vault([Fernet.generate_key().decode()]).seal("1//refresh")
    session.add(
        FitnessToken(
            connection_id=connection.id,
            refresh_token=lost,
            access_token=lost,
            expires_at=clock.now(),
            version=1,
        )
    )
    session.commit()
    ended = sign_in(person).call("DELETE", f"/fitness/connections/{connection.id}")
    assert ended.status_code == 204
    assert session.scalars(select(FitnessToken)).all() == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"provider": "fitbit", "server_auth_code": "x"},
        {"provider": "google_fit", "server_auth_code": ""},
        {"provider": "google_fit", "server_auth_code": "x", "code_verifier": "short"},
        {"provider": "google_fit", "server_auth_code": "x", "more": 1},
        {"provider": "google_fit", "server_auth_code": "x", "consent_version": " "},
    ],
)
def test_refuses_what_is_no_connection(caller: Caller, body: dict[str, Any]) -> None:
    assert caller.post("/fitness/connections", body).status_code == 422


def test_asks_for_a_sync_and_shows_how_far_it_is(
    sign_in: SignIn, factory: Factory, session: Session, redis: Redis
) -> None:
    person = factory.person()
    factory.connection(person)
    caller = sign_in(person)
    answer = caller.post("/fitness/sync", {"provider": "google_fit"})
    asked: Any = answer.json
    assert answer.status_code == 202
    assert (asked["status"], asked["coalesced"]) == ("queued", False)
    assert answer.headers["Location"] == asked["status_url"]
    assert redis.get("bell:fitness.pull_batch") == b"1"
    again: Any = caller.post("/fitness/sync").json
    assert again == {**asked, "coalesced": True}
    seen: Any = caller.get(asked["status_url"].removeprefix("/api/v1")).json
    assert (seen["sync_id"], seen["provider"], seen["reason"]) == (
        asked["sync_id"],
        "google_fit",
        "requested",
    )
    assert (seen["window"], seen["error"], seen["finished_at"]) == (None, None, None)
    assert seen["slots"] == {"received": 0, "changed": 0}
    assert sign_in().get(f"/fitness/syncs/{asked['sync_id']}").status_code == 404
    assert caller.get(f"/fitness/syncs/{uuid.uuid4()}").status_code == 404


def test_a_finished_sync_says_what_it_did(
    sign_in: SignIn, factory: Factory, session: Session
) -> None:
    person = factory.person()
    factory.connection(person)
    caller = sign_in(person)
    asked: Any = caller.post("/fitness/sync").json
    row = session.scalars(select(SyncRequest)).one()
    row.status, row.finished_at = SyncStatus.FAILED, clock.now()
    row.error_code, row.error_detail = "reauth_required", "The grant is gone."
    row.window_to = clock.now()
    row.window_from = row.window_to - timedelta(days=365)
    session.commit()
    seen: Any = caller.get(f"/fitness/syncs/{asked['sync_id']}").json
    assert seen["error"] == {"code": "reauth_required", "detail": "The grant is gone."}
    assert sorted(seen["window"]) == ["from", "to"]


def test_syncs_are_limited_per_person(sign_in: SignIn, factory: Factory) -> None:
    people = [factory.person(), factory.person()]
    callers = [sign_in(person) for person in people]
    for person in people:
        factory.connection(person)
    allowed = limits.SYNC.of_person[0].amount
    assert [callers[0].post("/fitness/sync").status_code for _ in range(allowed)] == [202] * allowed
    refused = callers[0].post("/fitness/sync", key="k")
    assert (refused.status_code, refused.json and refused.json["code"]) == (429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert callers[1].post("/fitness/sync").status_code == 202


def test_a_repeated_sync_is_answered_again_and_not_counted(
    sign_in: SignIn, factory: Factory, session: Session
) -> None:
    person = factory.person()
    factory.connection(person)
    caller = sign_in(person)
    allowed = limits.SYNC.of_person[0].amount
    first = caller.post("/fitness/sync", key="first")
    for _ in range(allowed):
        again = caller.post("/fitness/sync", key="first")
        assert (again.status_code, again.data) == (202, first.data)
        assert again.headers["Idempotency-Replayed"] == "true"
    for _ in range(allowed - 1):
        assert caller.post("/fitness/sync").status_code == 202
    assert caller.post("/fitness/sync", key="late").status_code == 429
    assert caller.post("/fitness/sync", key="first").data == first.data
    assert session.scalars(select(IdempotencyKey.key)).all() == ["first"]


def test_dev_token_signs_in_and_says_when_it_cannot(app: Flask, sign_in: SignIn) -> None:
    runner = app.test_cli_runner()
    signed = runner.invoke(args=["dev", "token", "walker-002@sandbox.test"])
    caller = sign_in()
    caller.token = signed.output.strip()
    assert caller.get("/me").status_code == 200
    refused = runner.invoke(args=["dev", "token", "nobody@sandbox.test"])
    assert refused.exit_code == 1
    assert "nobody@sandbox.test" in refused.output
