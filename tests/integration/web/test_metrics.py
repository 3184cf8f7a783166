"""`/metrics` and who may read it."""

import re
import time
import uuid
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text

from domain import clock
from domain.fitness.budget import Ask, Budget, Limits
from domain.fitness.circuit import FAILURES, Circuit
from domain.ids import new_id
from domain.leaderboards.marks import mark_dirty
from domain.redis import Redis
from domain.settings import Settings
from domain.tallies import Tally, count, duration
from domain.waiting import Kind
from models import SyncRequest
from models.api_key import KeyScope
from models.connection import Provider
from models.payout import PayoutStatus
from models.sync import SyncReason, SyncStatus
from tests.factories import Factory
from tests.integration.payouts.purse import Purse
from tests.integration.web.conftest import WithKey
from web import create_app
from web.db import EXTENSION, KEPT, Front
from worker.queues import BEAT_MARK

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(client: FlaskClient) -> Series:
    """Ask as Prometheus does."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def series(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"podium_{name}", frozenset(labels.items())


def test_nothing_to_tell(client: FlaskClient) -> None:
    told = read(client)
    assert told[series("redis_up")] == 1
    for kind in Kind:
        assert told[series("due", kind=kind)] == told[series("due_age_seconds", kind=kind)] == 0
    assert told[series("board_live")] == told[series("fitness_owed_windows")] == 0


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
    factory.session.add(ended(connection.id, person.id))
    mark_dirty(factory.session, [(competition.id, None)])
    factory.session.commit()

    told = read(client)

    assert told[series("board_live")] == 3
    assert told[series("board_drifted")] == 2
    assert told[series("board_drift_lines")] == 7
    assert told[series("board_verified_age_seconds")] == pytest.approx(4 * 3600, abs=60)
    assert told[series("fitness_owed_windows")] == told[series("due", kind="pull")] == 4
    assert told[series("fitness_owed_people")] == 2
    assert told[series("fitness_owed_age_seconds")] == pytest.approx(600, abs=60)
    assert told[series("due_age_seconds", kind="pull")] == pytest.approx(600, abs=60)
    assert told[series("due", kind="mark")] == 1
    assert told[series("syncs_ended", status="failed", code="vendor_slow")] == 1


def test_what_the_workers_counted_is_told(client: FlaskClient, redis: Redis) -> None:
    with redis.pipeline() as pipe:
        count(pipe, {Tally("task_runs", ("fitness.sweep", "succeeded")): 2})
        count(pipe, {Tally("vendor_calls", ("google_fit", "503")): 1})
        count(pipe, {Tally("task_runs", ("fitness.sweep", "succeeded")): 1})
        pipe.set(BEAT_MARK, int(time.time()) - 40)
        pipe.execute()

    told = read(client)

    assert told[series("task_runs_total", task="fitness.sweep", outcome="succeeded")] == 3
    assert told[series("vendor_calls_total", vendor="google_fit", outcome="503")] == 1
    assert told[series("progress_age_seconds", part="beat")] == pytest.approx(40, abs=30)


def test_requests_are_counted_by_route(client: FlaskClient) -> None:
    asked = series("request_seconds_count", method="GET", route="/health", status="200")
    before = read(client).get(asked, 0)
    client.get("/health?x=1")
    client.open("/nowhere", method="INVENTED")
    told = read(client)
    assert told[asked] == before + 1
    assert told[series("request_seconds_count", method="", route="", status="404")] >= 1
    assert "INVENTED" not in str(told)


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


def ended(connection_id: uuid.UUID, person_id: int) -> SyncRequest:
    now = clock.now()
    return SyncRequest(
        id=new_id(),
        connection_id=connection_id,
        person_id=person_id,
        reason=SyncReason.REQUESTED,
        status=SyncStatus.FAILED,
        requested_at=now,
        due_at=now,
        finished_at=now,
        error_code="vendor_slow",
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


def test_payouts_and_pools_are_told(client: FlaskClient, engine: Engine, factory: Factory) -> None:
    purse = Purse(engine, factory)
    first, _, _ = purse.distributed([5, 4, 3])
    purse.bring([first], PayoutStatus.UNKNOWN)
    since = clock.now() - timedelta(minutes=7)
    factory.session.execute(
        text("UPDATE payout SET unsure_since = :at WHERE status = 'unknown'"), {"at": since}
    )
    factory.session.commit()

    told = read(client)

    assert told[series("payouts", status="unknown")] == 1
    assert told[series("payouts", status="pending")] == 2
    assert told[series("payouts", status="paid")] == 0
    assert told[series("payout_unknown_age_seconds")] == pytest.approx(420, abs=60)
    assert told[series("prize_pools", state="settled", currency="EUR")] == 1


def test_lags_are_told_by_bounds_that_hold_each_other(client: FlaskClient, redis: Redis) -> None:
    for seconds in (-3, 0.2, 0.2, 40, 4000):
        with redis.pipeline() as pipe:
            count(pipe, duration("flush_lag", seconds))
            pipe.execute()

    told = read(client)

    upto = {"0.1": 1, "0.25": 3, "15.0": 3, "60.0": 4, "+Inf": 5}
    assert {le: told[series("flush_lag_seconds_bucket", le=le)] for le in upto} == upto
    assert told[series("flush_lag_seconds_count")] == 5
    assert told[series("flush_lag_seconds_sum")] == pytest.approx(4040.4)


def test_budget_and_circuit_are_told(client: FlaskClient, redis: Redis, settings: Settings) -> None:
    limits = Limits(
        settings.google_fit_calls_per_minute, settings.google_fit_calls_per_minute_per_person
    )
    Budget(redis, Provider.GOOGLE_FIT, limits).take([Ask(new_id(), True, 10)], clock.now())
    circuit = Circuit(redis, Provider.GOOGLE_FIT)
    calm = read(client)
    assert calm[series("vendor_circuit_open", vendor="google_fit")] == 0
    left = calm[series("vendor_budget_left", vendor="google_fit")]
    assert left < calm[series("vendor_budget_size", vendor="google_fit")]

    circuit.tell(answered=False, failures=FAILURES, now=clock.now())

    assert read(client)[series("vendor_circuit_open", vendor="google_fit")] == 1


def test_the_pool_is_told(client: FlaskClient, front: Front) -> None:
    before = read(client)[series("pool_in_use")]
    with front.engine.connect(), front.engine.connect():
        assert read(client)[series("pool_in_use")] == before + 2
    assert read(client)[series("pool_in_use")] == before
    assert read(client)[series("pool_size")] == 2 * KEPT


def test_every_metric_is_in_the_documents(client: FlaskClient) -> None:
    found = re.findall(r"^# TYPE (podium_\w+) \w+$", client.get("/metrics").text, re.MULTILINE)
    kinds = {name for name in found if not name.endswith("_created")}
    page = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()
    assert sorted(set(re.findall(r"`(podium_\w+)`", page))) == sorted(kinds)
