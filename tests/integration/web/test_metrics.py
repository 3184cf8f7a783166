"""`/metrics` and who may read it."""

import uuid
from datetime import timedelta
from ipaddress import ip_network

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from domain import clock
from domain.ids import new_id
from domain.redis import Redis
from domain.settings import Settings
from models import SyncRequest
from models.api_key import KeyScope
from models.sync import SyncReason, SyncStatus
from tests.factories import Factory
from tests.integration.web.conftest import WithKey
from web import create_app
from web.db import EXTENSION

AGES = {"podium_board_verified_age_seconds", "podium_fitness_owed_age_seconds"} | {
    "podium_sync_due_age_seconds"
}


def read(client: FlaskClient) -> dict[str, float]:
    """Ask as Prometheus does."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.text)
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_nothing_to_tell(client: FlaskClient) -> None:
    told = read(client)
    assert set(told.values()) == {0.0}
    assert told.keys() >= AGES


def test_the_rows_are_told(client: FlaskClient, factory: Factory) -> None:
    people = factory.people(2)
    for drift in (0, 3, 4):
        competition = factory.competition(people[0])
        factory.session.execute(
            text("UPDATE board SET drift = :drift, verified_at = :at WHERE competition_id = :id"),
            {"drift": drift, "id": competition.id, "at": clock.now() - timedelta(hours=drift)},
        )
    for person in people:
        connection = factory.connection(person)
        for minutes in (5, 10):
            factory.session.add(owed(connection.id, person.id, minutes))
    factory.session.commit()

    told = read(client)

    ages = {name: told.pop(name) for name in AGES}
    assert told == {
        "podium_board_live": 3,
        "podium_board_drifted": 2,
        "podium_board_drift_lines": 7,
        "podium_fitness_owed_windows": 4,
        "podium_fitness_owed_people": 2,
    }
    assert ages == {
        "podium_board_verified_age_seconds": pytest.approx(4 * 3600, abs=60),
        "podium_fitness_owed_age_seconds": pytest.approx(600, abs=60),
        "podium_sync_due_age_seconds": pytest.approx(600, abs=60),
    }


def owed(connection_id: uuid.UUID, person_id: int, minutes: int) -> SyncRequest:
    since = clock.now() - timedelta(minutes=minutes)
    return SyncRequest(
        id=new_id(),
        connection_id=connection_id,
        person_id=person_id,
        reason=SyncReason.OWED,
        status=SyncStatus.QUEUED,
        requested_at=since,
        due_at=since,
        window_from=since - timedelta(days=1),
        window_to=since,
    )


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.9", "fd00::7"])
def test_the_inside_may_ask(client: FlaskClient, address: str) -> None:
    asked = client.get("/metrics", environ_base={"REMOTE_ADDR": address})
    assert asked.status_code == 200


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888"])
def test_the_outside_may_not(client: FlaskClient, address: str) -> None:
    asked = client.get("/metrics", environ_base={"REMOTE_ADDR": address})
    assert (asked.status_code, asked.json["code"]) == (401, "credential_missing")  # type: ignore[index]  # an object


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Real-IP"])
def test_nobody_may_through_a_proxy(client: FlaskClient, header: str) -> None:
    assert client.get("/metrics", headers={header: "10.0.0.1"}).status_code == 401


def test_which_networks_are_inside_is_a_setting(site_settings: Settings, redis: Redis) -> None:
    narrow = {"metrics_networks": (ip_network("10.7.0.0/16"),)}
    app = create_app(site_settings.model_copy(update=narrow))
    within = app.test_client()
    assert within.get("/metrics", environ_base={"REMOTE_ADDR": "10.7.1.1"}).status_code == 200
    assert within.get("/metrics", environ_base={"REMOTE_ADDR": "127.0.0.1"}).status_code == 401
    app.extensions[EXTENSION].close()


def test_a_key_for_it_may_from_anywhere(client: FlaskClient, with_key: WithKey) -> None:
    outside, passed = {"REMOTE_ADDR": "8.8.8.8"}, {"X-Forwarded-For": "8.8.8.8"}
    key = with_key(KeyScope.METRICS_READ).credential()
    other = with_key(*set(KeyScope) - {KeyScope.METRICS_READ}).credential()
    for base, headers in ((outside, {}), ({}, passed)):
        answer = client.get("/metrics", environ_base=base, headers={**key, **headers})
        assert answer.status_code == 200
        refused = client.get("/metrics", environ_base=base, headers={**other, **headers})
        assert (refused.status_code, refused.json["code"]) == (403, "scope_missing")  # type: ignore[index]  # an object
