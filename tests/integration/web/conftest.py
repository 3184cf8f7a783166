"""The site in this process, and people who call it."""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from domain import api_keys, clock
from domain.redis import Redis
from domain.settings import Settings
from models import Competition, Person
from models.api_key import KeyScope
from sandbox.server import running
from sandbox.world import World
from tests.factories import Factory
from tests.integration.fitness.outside import Outside
from tests.integration.web.documented import Documented
from web import create_app
from web.db import EXTENSION, Front
from worker.app import make_app

SECRET = "a shared secret of at least thirty-two bytes"


@dataclass
class Caller:
    """Someone with a token. Every answer is held against the OpenAPI document."""

    client: FlaskClient
    documented: Documented
    token: str
    sub: uuid.UUID
    headers: dict[str, str] = field(default_factory=dict)

    def credential(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.call("GET", path, **more)

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> TestResponse:
        return self.call("POST", path, json=body, headers={"Idempotency-Key": key} if key else {})

    def call(
        self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any
    ) -> TestResponse:
        if more.get("json", "") is None:
            del more["json"]
        headers = {**self.credential(), **self.headers, **(headers or {})}
        answer = self.client.open(f"/api/v1{path}", method=method, headers=headers, **more)
        self.documented.check(answer)
        return answer


class Machine(Caller):
    """A service; its token is a key."""

    def credential(self) -> dict[str, str]:
        return {"X-API-Key": self.token}


def token_of(issuer: str, sub: uuid.UUID, **changes: Any) -> str:
    """Sign a token with the shared secret."""
    now = int(time.time())
    claims = {
        "iss": f"{issuer}/auth/v1",
        "aud": "authenticated",
        "role": "authenticated",
        "sub": str(sub),
        "session_id": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 3600,
        **changes,
    }
    return jwt.encode(claims, SECRET, algorithm="HS256")


@pytest.fixture
def sandbox(world: World) -> Iterator[str]:
    """The outside world's address."""
    with running(world) as url:
        yield url


@pytest.fixture
def world() -> World:
    """Four people who walk."""
    return World(4)


@pytest.fixture
def site_settings(settings: Settings) -> Settings:
    """The test process's servers, and tokens by a shared secret."""
    return settings.model_copy(update={"supabase_jwt_secret": SECRET})


@pytest.fixture
def app(site_settings: Settings, engine: Engine, redis: Redis) -> Iterator[Flask]:
    """The site on an empty database and an empty Valkey."""
    made = create_app(site_settings)
    yield made
    front: Front = made.extensions[EXTENSION]
    front.close()


@pytest.fixture
def front(app: Flask) -> Front:
    """What the site holds open."""
    found: Front = app.extensions[EXTENSION]
    return found


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Someone without a token."""
    return app.test_client()


@pytest.fixture
def documented(client: FlaskClient) -> Documented:
    """What the site promises."""
    return Documented(client.get("/openapi.json").json or {})


SignIn = Callable[..., Caller]


@pytest.fixture
def sign_in(app: Flask, documented: Documented, site_settings: Settings) -> SignIn:
    """Give someone a token: a person with a row, or a newcomer."""

    def give(person: Person | None = None, **claims: Any) -> Caller:
        sub = uuid.uuid4() if person is None or person.sub is None else person.sub
        token = token_of(site_settings.supabase_url, sub, **claims)
        return Caller(app.test_client(), documented, token, sub)

    return give


@pytest.fixture
def caller(sign_in: SignIn) -> Caller:
    """A newcomer."""
    return sign_in()


WithKey = Callable[..., Machine]


@pytest.fixture
def with_key(app: Flask, documented: Documented, session: Session) -> WithKey:
    """Give a service a key; by default one to post scores with."""

    def give(
        *scopes: KeyScope, name: str = "treadmills", expires_at: datetime | None = None
    ) -> Machine:
        wanted = scopes or (KeyScope.SCORES_WRITE,)
        made = api_keys.create(session, name, wanted, expires_at, clock.now())
        session.commit()
        return Machine(app.test_client(), documented, made.key, made.row.id)

    return give


@pytest.fixture
def ada(outside: Outside) -> Person:
    """Someone of the sandbox who is connected."""
    return outside.connected("walker-001")


@pytest.fixture
def contest(factory: Factory, ada: Person) -> Competition:
    """An active competition with two others, one of whom is equal to Ada."""
    made = factory.competition(
        starts_at=clock.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=2),
        ends_at=clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=2),
    )
    for person, score in zip(factory.people(2), (812, 5), strict=True):
        factory.participant(made, person, score)
    return made


@pytest.fixture
def jobs(site_settings: Settings, redis: Redis) -> Iterator[Callable[[], None]]:
    """Runs what an erasure rings for, and the flush behind it."""
    made = make_app(site_settings)
    made.loader.import_default_modules()

    def run() -> None:
        for name in ("erasures.sweep", "leaderboards.flush", "leaderboards.sweep"):
            made.tasks[name]()
        with made.connection_for_read() as connection:
            channel: Any = connection.default_channel
            while message := channel.basic_get("boards", no_ack=True):
                if message.headers["task"] == "leaderboards.rebuild":
                    made.tasks["leaderboards.rebuild"](**message.decode()[1])

    yield run
    made.resources.engine.dispose()
