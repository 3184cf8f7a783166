"""Keys of services, over HTTP and by the commands of operators."""

import time
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, event, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain import api_keys, clock
from models import ApiKey
from models.api_key import KeyScope
from tests.factories import Factory
from tests.integration.web.conftest import Caller, Machine, SignIn, WithKey
from web import services
from web.db import Front

UPDATE = "/leaderboard/update"
PATH = f"/api/v1{UPDATE}"
SOMEONE = {"competition_id": str(uuid.UUID(int=1)), "user_id": str(uuid.UUID(int=2)), "score": 1}
"""A body that is right; nobody is there to get the points, which is seen after the key."""


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_a_good_key_opens(with_key: WithKey) -> None:
    assert refusal(with_key().post(UPDATE, SOMEONE)) == (404, "competition_not_found")


def test_without_a_key_the_challenge_names_the_scheme(client: FlaskClient) -> None:
    answer = client.post(PATH, json=SOMEONE)
    assert refusal(answer) == (401, "credential_missing")
    assert answer.headers["WWW-Authenticate"] == 'ApiKey realm="podium"'


def test_forged_keys_are_refused(with_key: WithKey, session: Session) -> None:
    machine = with_key()
    stranger = api_keys.create(Session(), "x", [KeyScope.SCORES_WRITE], None, clock.now())
    prefix = api_keys.prefix_of(machine.token)
    own = stranger.key.removeprefix(stranger.row.prefix)[:-6]
    forged = prefix + own
    forged += api_keys._checksum(forged)
    assert api_keys.is_whole(forged)
    for key, code in (
        (stranger.key, "key_unknown"),
        (forged, "key_unknown"),
        (machine.token.swapcase(), "key_malformed"),
        (machine.token[:-1], "key_malformed"),
        (prefix, "key_malformed"),
        ("' OR true --", "key_malformed"),
        (session.scalars(select(ApiKey)).one().hash.hex(), "key_malformed"),
    ):
        answer = Machine(machine.client, machine.documented, key, machine.sub).post(UPDATE, SOMEONE)
        assert refusal(answer) == (401, code), key
        challenge = answer.headers["WWW-Authenticate"]
        assert challenge.startswith('ApiKey realm="podium", error="invalid_key"')
        assert key not in answer.text
    assert session.scalars(select(ApiKey.last_used_at)).all() == [None]


def test_a_slip_asks_no_database(with_key: WithKey, front: Front) -> None:
    machine = with_key()
    asked: list[Connection] = []
    event.listen(front.engine, "begin", asked.append)
    Machine(machine.client, machine.documented, machine.token[:-1] + "!", machine.sub).post(
        UPDATE, SOMEONE
    )
    assert asked == []


def test_no_two_keys_have_one_prefix(with_key: WithKey, session: Session) -> None:
    with_key()
    first = session.scalars(select(ApiKey)).one()
    other = api_keys.create(session, "other", [KeyScope.SCORES_WRITE], None, clock.now())
    other.row.prefix = first.prefix
    with pytest.raises(IntegrityError, match="uq_api_key_prefix"):
        session.flush()


def test_a_key_opens_until_it_expires(with_key: WithKey) -> None:
    machine = with_key(expires_at=clock.now() + timedelta(hours=1))
    assert machine.post(UPDATE, SOMEONE).status_code == 404
    with clock.moved(timedelta(minutes=61)):
        assert refusal(machine.post(UPDATE, SOMEONE)) == (401, "key_expired")


def test_a_revoked_key_opens_nothing_after_some_seconds(
    app: Flask, with_key: WithKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "FRESH_SECONDS", 0.2)
    machine = with_key()
    assert machine.post(UPDATE, SOMEONE).status_code == 404
    prefix = api_keys.prefix_of(machine.token)
    revoked = app.test_cli_runner().invoke(args=["api-key", "revoke", prefix])
    assert revoked.exit_code == 0
    deadline = time.monotonic() + 5
    while (answer := machine.post(UPDATE, SOMEONE)).status_code == 404:
        assert time.monotonic() < deadline
    assert refusal(answer) == (401, "key_revoked")


def test_a_key_is_for_its_scopes_alone(with_key: WithKey) -> None:
    others = set(KeyScope) - {KeyScope.SCORES_WRITE}
    answer = with_key(*others).post(UPDATE, SOMEONE)
    problem: Any = answer.json
    assert refusal(answer) == (403, "scope_missing")
    assert "scores:write" in problem["detail"]


def test_people_and_services_do_not_change_places(caller: Caller, with_key: WithKey) -> None:
    assert refusal(caller.post(UPDATE, SOMEONE)) == (403, "services_only")
    assert refusal(with_key(*KeyScope).get("/me")) == (403, "people_only")
    assert refusal(with_key(*KeyScope).post("/competitions", {})) == (403, "people_only")


def test_one_request_shows_one_credential(caller: Caller, with_key: WithKey) -> None:
    caller.headers["X-API-Key"] = with_key().token
    for answer in (caller.get("/me"), caller.post(UPDATE, SOMEONE)):
        assert refusal(answer) == (400, "two_credentials")


def test_its_use_is_noted_once_a_minute(with_key: WithKey, session: Session, front: Front) -> None:
    machine = with_key()
    noted: list[datetime] = []
    for minutes in (0, 0.5, 1.5):
        # Another process, which has not met the key yet.
        vars(front).pop("services", None)
        with clock.moved(timedelta(minutes=minutes)):
            machine.post(UPDATE, SOMEONE)
        session.rollback()
        noted += filter(None, session.scalars(select(ApiKey.last_used_at)))
    assert noted[0] == noted[1] < noted[2]


def test_the_document_says_who_may(client: FlaskClient) -> None:
    document: Any = client.get("/openapi.json").json
    assert document["components"]["securitySchemes"]["service"] == {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
    }
    assert document["paths"][PATH]["post"]["security"] == [{"service": ["scores:write"]}]
    assert document["paths"]["/api/v1/me"]["get"]["security"] == [{"person": []}]
    assert "security" not in document["paths"]["/health"]["get"]


def test_a_route_may_take_both(client: FlaskClient, sign_in: SignIn, with_key: WithKey) -> None:
    path = f"/prizes/distribution/{uuid.uuid4()}"
    nobody = client.get(f"/api/v1{path}")
    assert nobody.headers["WWW-Authenticate"] == 'Bearer realm="podium", ApiKey realm="podium"'
    for one in (sign_in(), with_key(KeyScope.PRIZES_READ)):
        assert one.get(path).status_code == 404
    assert refusal(with_key().get(path)) == (403, "scope_missing")
    document: Any = client.get("/openapi.json").json
    security = document["paths"]["/api/v1/prizes/distribution/{competition_id}"]["get"]["security"]
    assert security == [{"person": []}, {"service": ["prizes:read"]}]


def test_operators_make_list_and_revoke_keys(app: Flask, session: Session) -> None:
    run = app.test_cli_runner()
    made = run.invoke(
        args=["api-key", "create", "treadmills", "--scope", "scores:write", "--days", "30"]
    )
    assert made.exit_code == 0
    key = made.stdout.strip()
    assert api_keys.is_whole(key)
    row = session.scalars(select(ApiKey)).one()
    assert (row.name, row.scopes) == ("treadmills", ["scores:write"])
    assert row.expires_at == row.created_at + timedelta(days=30)
    listed = run.invoke(args=["api-key", "list"]).stdout
    assert f"{row.prefix}  treadmills  scores:write  good until" in listed
    assert "never used" in listed
    assert key not in listed
    for given in (row.prefix, key):
        revoked = run.invoke(args=["api-key", "revoke", given])
        assert (revoked.exit_code, key in revoked.output) == (0, False)
    assert "revoked" in run.invoke(args=["api-key", "list"]).stdout
    absent = run.invoke(args=["api-key", "revoke", "podium_nobody00"])
    assert (absent.exit_code, absent.output) == (
        1,
        "Error: no key has the prefix podium_nobody00\n",
    )
    assert run.invoke(args=["api-key", "create", "x", "--scope", "all"]).exit_code == 2
    assert run.invoke(args=["api-key", "create", "x"]).exit_code == 2


def test_a_key_is_replaced_with_an_overlap(
    app: Flask, with_key: WithKey, session: Session, front: Front
) -> None:
    run = app.test_cli_runner()
    month = timedelta(days=30)
    old = with_key(KeyScope.SCORES_WRITE, KeyScope.PRIZES_READ, expires_at=clock.now() + month)
    rotated = run.invoke(args=["api-key", "rotate", old.token, "--overlap", "2"])
    assert (rotated.exit_code, old.token in rotated.output) == (0, False)
    new = Machine(old.client, old.documented, rotated.stdout.strip(), old.sub)
    before, after = session.scalars(select(ApiKey).order_by(ApiKey.id))
    assert (after.name, set(after.scopes)) == (before.name, {"scores:write", "prizes:read"})
    assert after.expires_at is not None
    assert abs(after.expires_at - after.created_at - month) < timedelta(minutes=1)
    for moment, works in ((timedelta(), [old, new]), (timedelta(hours=2, seconds=6), [new])):
        vars(front).pop("services", None)
        with clock.moved(moment):
            for key in (old, new):
                answer = key.post(UPDATE, SOMEONE)
                assert answer.status_code == (404 if key in works else 401)
    prefix = api_keys.prefix_of(new.token)
    assert run.invoke(args=["api-key", "revoke", prefix]).exit_code == 0
    for gone in (prefix, "podium_nobody00"):
        refused = run.invoke(args=["api-key", "rotate", gone])
        assert (refused.exit_code, refused.output[:6]) == (1, "Error:")


def test_what_is_stored_opens_nothing(with_key: WithKey, session: Session) -> None:
    key = with_key().token
    row = session.scalars(select(ApiKey)).one()
    shown = " ".join(map(str, vars(row).values()))
    assert key.removeprefix(f"{row.prefix}_") not in shown


def test_keys_are_kept_out_of_the_log(
    with_key: WithKey, factory: Factory, caplog: pytest.LogCaptureFixture
) -> None:
    machine = with_key()
    machine.post(UPDATE, SOMEONE)
    assert api_keys.prefix_of(machine.token) in caplog.text
    assert machine.token not in caplog.text
