"""The document, the pages, health, and what every answer carries."""

import logging
import time
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate
from sqlalchemy import Connection, Engine, event, text

from domain.database import make_engine
from domain.redis import Redis
from domain.settings import Settings
from sandbox.valkey import EmbeddedValkey
from tests.factories import Factory
from tests.integration.web.conftest import Caller, SignIn
from tests.integration.web.test_competitions import wanted
from web import create_app
from web.db import Front
from web.doors import door_of
from web.openapi import CONVERTER
from worker.queues import BEAT_MARK, Queue


def test_document_is_valid_openapi(client: FlaskClient) -> None:
    document: Any = client.get("/openapi.json").json
    validate(document)
    assert document["openapi"] == "3.1.0"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            refusals = {code: one for code, one in operation["responses"].items() if code >= "400"}
            assert refusals, (path, method)
            assert all(
                list(one["content"]) == ["application/problem+json"] for one in refusals.values()
            )


def test_every_route_of_the_api_is_in_the_document(app: Flask, client: FlaskClient) -> None:
    document: Any = client.get("/openapi.json").json
    written = {
        (method.upper(), path.replace("{", "<").replace("}", ">"))
        for path, operations in document["paths"].items()
        for method in operations
    }
    routed = {
        (method, rule.rule.replace("<uuid:", "<"))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(("/api", "/health", "/webhooks"))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert written == routed


def test_every_route_of_the_api_needs_a_credential_that_it_documents(
    app: Flask, client: FlaskClient
) -> None:
    document: Any = client.get("/openapi.json").json
    challenges = {"person": 'Bearer realm="podium"', "service": 'ApiKey realm="podium"'}
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api"):
            continue
        path = rule.rule
        for argument in rule.arguments:
            path = path.replace(f"<uuid:{argument}>", "01900000-0000-7000-8000-000000000000")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            written = document["paths"][CONVERTER.sub(r"{\1}", rule.rule)][method.lower()]
            if not door_of(method, rule.rule).needs_credential:
                assert "security" not in written
                continue
            answer = client.open(path, method=method)
            assert answer.status_code == 401, (method, path)
            ways = {name for one in written["security"] for name in one}
            challenge = ", ".join(challenges[way] for way in challenges if way in ways)
            assert answer.headers["WWW-Authenticate"] == challenge, (method, path)


def test_docs_name_no_foreign_host(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert "//" not in page.text.replace("</", "")
    for asset in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js", "favicon-32x32.png"):
        answer = client.get(f"/docs/{asset}")
        assert answer.status_code == 200
        answer.close()
    assert client.get("/docs/swagger-ui.js").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/api/v1/competitions/7", 404, "not_found"),
        ("POST", "/api/v1/me", 405, "method_not_allowed"),
    ],
)
def test_what_flask_refuses_is_a_problem_too(
    client: FlaskClient, method: str, path: str, status: int, code: str
) -> None:
    answer = client.open(path, method=method)
    problem: Any = answer.json
    assert answer.mimetype == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == f"urn:podium:error:{code}"
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert problem["title"]
    assert problem["detail"]


def test_not_allowed_method_names_the_allowed(client: FlaskClient) -> None:
    assert "PATCH" in client.post("/api/v1/me").headers["Allow"]


def test_a_fault_of_ours_is_a_problem_without_secrets(app: Flask) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("password=hunter2")

    answer = app.test_client().get("/broken")
    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
    assert "hunter2" not in answer.text


def test_request_id_is_kept_when_it_is_harmless(client: FlaskClient) -> None:
    given = client.get("/health", headers={"X-Request-ID": "abc-123"})
    assert given.headers["X-Request-ID"] == "abc-123"
    for bad in ("a b", "x" * 129, '"><script>'):
        answer = client.get("/health", headers={"X-Request-ID": bad})
        assert answer.headers["X-Request-ID"] not in ("", bad)


def test_body_must_be_json_of_the_right_size(caller: Caller) -> None:
    path = "/competitions"
    cases: dict[int, dict[str, Any]] = {
        415: {"data": "name=x", "content_type": "text/plain"},
        400: {"data": '{"name": ', "content_type": "application/json"},
        413: {"data": b'{"name": "' + b"x" * 70_000 + b'"}', "content_type": "application/json"},
        422: {"data": "[]", "content_type": "application/json"},
    }
    codes = {400: "malformed", 413: "too_large", 415: "unsupported_media_type", 422: "invalid"}
    for status, body in cases.items():
        answer = caller.call("POST", path, **body)
        problem: Any = answer.json
        assert (answer.status_code, problem["code"]) == (status, codes[status])


def test_wrong_fields_are_named_and_not_repeated(caller: Caller) -> None:
    answer = caller.post("/competitions", {"name": 7, "secret": "hunter2", "metric": "sleep"})
    problem: Any = answer.json
    assert answer.status_code == 422
    wrong = {tuple(one["loc"]) for one in problem["errors"]}
    assert {("body", "name"), ("body", "secret"), ("body", "metric"), ("body", "timezone")} <= wrong
    assert "hunter2" not in answer.text


def test_other_origins_only_where_allowed(site_settings: Settings, app: Flask) -> None:
    ask = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    allowing = create_app(
        site_settings.model_copy(update={"cors_origins": ("https://app.example",)})
    )
    allowed = allowing.test_client().options("/api/v1/competitions", headers=ask)
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Access-Control-Allow-Credentials" not in allowed.headers
    for site, origin in ((app, "https://app.example"), (allowing, "https://evil.example")):
        refused = site.test_client().get("/api/v1/me", headers={"Origin": origin})
        assert refused.headers.get("Access-Control-Allow-Origin") != origin


def test_alive(client: FlaskClient) -> None:
    assert client.get("/health").json == {"status": "alive"}


def test_ready_when_every_queue_has_worked_lately(client: FlaskClient, redis: Redis) -> None:
    names = ["postgresql", "redis", *(f"queue {queue}" for queue in Queue), "beat", "sign-in"]
    redis.set(BEAT_MARK, int(time.time()))
    for queue in Queue:
        redis.set(f"progress:{queue}", int(time.time()))
    answer = client.get("/health/ready")
    body: Any = answer.json
    assert answer.status_code == 200
    assert [part["name"] for part in body["parts"]] == names
    redis.set("progress:sync", int(time.time()) - 60)
    redis.delete("progress:payouts", BEAT_MARK)
    answer = client.get("/health/ready")
    body = answer.json
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert body["code"] == "not_ready"
    down = [part["name"] for part in body["parts"] if not part["ok"]]
    assert down == ["queue sync", "queue payouts", "beat"]
    assert "Retry-After" in answer.headers


def test_the_log_tells_of_requests_but_not_of_probes(
    client: FlaskClient, app: Flask, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError

    caplog.set_level(logging.INFO, "web.access")
    for path in ("/health", "/health/ready", "/nowhere", "/broken"):
        client.get(path)
    records: list[Any] = [record for record in caplog.records if record.name == "web.access"]
    assert [(record.levelname, record.msg["path"]) for record in records] == [
        ("INFO", "/nowhere"),
        ("WARNING", "/broken"),
    ]


@pytest.mark.parametrize(("revision", "works"), [("0001", False), ("a later one", True)])
def test_the_next_program_may_have_migrated_already(
    client: FlaskClient, engine: Engine, revision: str, works: bool
) -> None:
    renamed = "UPDATE alembic_version SET version_num = :revision"
    with engine.begin() as connection:
        head = connection.scalar(text("SELECT version_num FROM alembic_version"))
        connection.execute(text(renamed), {"revision": revision})
    try:
        body: Any = client.get("/health/ready").json
    finally:
        with engine.begin() as connection:
            connection.execute(text(renamed), {"revision": head})
    assert [one["ok"] for one in body["parts"] if one["name"] == "postgresql"] == [works]


def test_not_ready_without_its_servers(site_settings: Settings) -> None:
    nowhere = {
        "database_url": "postgresql+psycopg://nobody@127.0.0.1:9/none",
        "redis_url": "redis://127.0.0.1:9/0",
        "supabase_jwt_secret": None,
    }
    body: Any = (
        create_app(site_settings.model_copy(update=nowhere)).test_client().get("/health/ready").json
    )
    assert [(part["name"], part["ok"]) for part in body["parts"]] == [
        ("postgresql", False),
        ("redis", False),
        ("sign-in", False),
    ]


def test_pages_are_served_with_their_own_policy(client: FlaskClient) -> None:
    for path in ("/", "/live/01900000-0000-7000-8000-000000000000"):
        with client.get(path) as answer:
            assert answer.status_code == 200
            assert answer.mimetype == "text/html"
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
            assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_a_lost_database_is_said_so(sign_in: SignIn, app: Flask, front: Front) -> None:
    caller = sign_in()
    caller.get("/me")
    front.engine.dispose()
    front.engine = make_engine("postgresql+psycopg://nobody@127.0.0.1:9/none", pool_size=1)
    answer = caller.get("/competitions")
    assert (answer.status_code, answer.json and answer.json["code"]) == (503, "unavailable")
    assert "Retry-After" in answer.headers
    newcomer = sign_in().get("/me")
    assert (newcomer.status_code, newcomer.json and newcomer.json["code"]) == (503, "unavailable")


def test_a_database_that_goes_in_the_middle_is_said_so(caller: Caller, front: Front) -> None:
    caller.get("/me")

    @event.listens_for(front.engine, "before_cursor_execute")
    def hang_up(connection: Connection, *_: object) -> None:
        connection.connection.driver_connection.close()  # type: ignore[union-attr]  # psycopg's

    answer = caller.get("/competitions")
    assert (answer.status_code, answer.json and answer.json["code"]) == (503, "unavailable")
    assert "Retry-After" in answer.headers


def test_without_redis_people_work_on_and_are_limited_still(
    sign_in: SignIn, factory: Factory, valkey: EmbeddedValkey
) -> None:
    person = factory.person()
    factory.connection(person)
    caller = sign_in(person)
    valkey.kill()
    try:
        statuses = [caller.post("/fitness/sync").status_code for _ in range(8)]
        assert statuses == [202] * 6 + [429] * 2
        assert caller.call("PATCH", "/me", json={"display_name": "Grace"}).status_code == 200
        assert caller.post("/competitions", wanted()).status_code == 201
    finally:
        valkey.start()
