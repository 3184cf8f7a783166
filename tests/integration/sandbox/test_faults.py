from datetime import datetime

import pytest
import requests
from urllib3.exceptions import ProtocolError

from sandbox.clock import HOUR_MS
from sandbox.fit_errors import NAMED
from tests.integration.sandbox.conftest import BY_HAND, NOT_BY_HAND, Visitor


@pytest.mark.parametrize("name", NAMED)
def test_every_named_error_can_be_had(visitor: Visitor, token: str, name: str) -> None:
    visitor.fault("status", body=name)
    answer = visitor.fit(token, "dataSources")
    assert (answer.status_code, answer.json()) == (NAMED[name].code, NAMED[name].body)
    assert visitor.fit(token, "dataSources").status_code == 200


@pytest.mark.parametrize("status", [429, 503])
def test_a_status_comes_with_its_usual_body_and_retry_after(
    visitor: Visitor, token: str, status: int
) -> None:
    visitor.fault("status", status=status, retry_after=7, count=2)
    for _ in range(2):
        answer = visitor.fit(token, "dataSources")
        assert (answer.status_code, answer.headers["Retry-After"]) == (status, "7")
        assert answer.json()["error"]["code"] == status
    assert visitor.fit(token, "dataSources").status_code == 200


def test_a_fault_can_be_for_one_person(visitor: Visitor, token: str) -> None:
    other = visitor.connect(NOT_BY_HAND)["access_token"]
    visitor.fault("status", body="backend_error", person=BY_HAND, count=None)
    assert visitor.fit(other, "dataSources").status_code == 200
    assert visitor.fit(token, "dataSources").status_code == 500
    assert len(visitor.control("/faults")["items"]) == 1
    visitor.http.delete(f"{visitor.url}/control/faults").raise_for_status()
    assert visitor.fit(token, "dataSources").status_code == 200


def test_the_token_endpoint_fails_for_one_person_too(visitor: Visitor) -> None:
    refresh = visitor.connect(BY_HAND)["refresh_token"]
    visitor.fault("status", "/token", body="invalid_grant_revoked", person=BY_HAND)
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    assert visitor.token(**form).json()["error"] == "invalid_grant"
    assert visitor.token(**form).status_code == 200


def test_a_cut_closes_the_connection_without_an_answer(visitor: Visitor, token: str) -> None:
    visitor.fault("cut")
    with pytest.raises(requests.ConnectionError, match="without response"):
        visitor.fit(token, "dataSources")
    assert visitor.fit(token, "dataSources").status_code == 200
    statuses = {call["status"] for call in visitor.control("/calls?path=/fitness")["items"]}
    assert statuses == {0, 200}


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_truncated_answer_ends_half_way(visitor: Visitor, token: str, encoding: str) -> None:
    visitor.http.headers["Accept-Encoding"] = encoding
    whole = int(visitor.fit(token, "dataSources").headers["Content-Length"])
    visitor.fault("truncate")
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": encoding}
    url = f"{visitor.url}/fitness/v1/users/me/dataSources"
    with requests.get(url, headers=headers, stream=True, timeout=60) as answer:
        assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(whole))
        with pytest.raises(ProtocolError, match=rf"IncompleteRead\({whole // 2} bytes read"):
            answer.raw.read(decode_content=False)
    assert visitor.fit(token, "dataSources").status_code == 200


def test_a_delay_holds_up_one_call_and_no_other(visitor: Visitor, token: str) -> None:
    visitor.fault("delay", person=BY_HAND, delay_ms=60_000)
    other = visitor.connect(NOT_BY_HAND)["access_token"]
    url = f"{visitor.url}/fitness/v1/users/me/dataSources"
    with pytest.raises(requests.ReadTimeout):
        requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=0.2)
    assert visitor.fit(other, "dataSources").status_code == 200
    visitor.fault("delay", person=BY_HAND, delay_ms=20)
    assert visitor.fit(token, "dataSources").elapsed.total_seconds() >= 0.02


def test_a_storm_hits_by_chance(visitor: Visitor, token: str) -> None:
    visitor.fault("status", body="unavailable", probability=0.5, count=None)
    statuses = [visitor.fit(token, "dataSources").status_code for _ in range(30)]
    assert set(statuses) == {200, 503}


def test_calls_are_counted_by_path_and_person(visitor: Visitor, token: str) -> None:
    visitor.fit(token, "dataSources")
    visitor.fit(token, "dataSources/raw:x/datasets/1-2")
    visitor.sign_in("walker-001@sandbox.test")
    rows = visitor.control(f"/calls?person={BY_HAND}&path=/fitness")["items"]
    assert [(row["path"], row["status"], row["count"]) for row in rows] == [
        ("/fitness/v1/users/me/dataSources", 200, 1),
        ("/fitness/v1/users/me/dataSources/<stream_id>/datasets/<dataset_id>", 403, 1),
    ]
    assert visitor.control("/calls?path=/auth&person=walker-001")["total"] == 1
    visitor.http.delete(f"{visitor.url}/control/calls").raise_for_status()
    assert visitor.control("/calls")["total"] == 0


def test_the_clock_moves_on_order(visitor: Visitor) -> None:
    now = datetime.fromisoformat(visitor.control("/clock")["now"])
    moved = visitor.control("/clock", offset_s=HOUR_MS / 1000)
    assert moved["offset_s"] == 3600
    assert (datetime.fromisoformat(moved["now"]) - now).total_seconds() >= 3600
    set_to = visitor.control("/clock", now="2030-01-01T00:00:00Z")["now"]
    assert set_to.startswith("2030-01-01T00:00:0")


def test_people_can_be_added(visitor: Visitor) -> None:
    new = visitor.control("/people", count=2)["items"]
    assert [person["id"] for person in new] == ["walker-009", "walker-010"]
    assert visitor.control(f"/people/{new[0]['sub']}") == new[0]
    assert visitor.connect(new[1]["email"])["access_token"]
    listed = visitor.control("/people")
    assert len(listed["items"]) == 10
    assert listed["admin"]["email"] == "admin@sandbox.test"


@pytest.mark.parametrize(
    ("path", "order", "status"),
    [
        ("/faults", {"kind": "earthquake"}, 422),
        ("/faults", {"kind": "status", "body": "no_such_error"}, 422),
        ("/faults", {"kind": "cut", "person": "nobody"}, 404),
        ("/people/nobody/walk", {"steps": 1}, 404),
        ("/people/walker-001/walk", {"steps": -1}, 422),
        ("/people/walker-001/walk", {"steps": 1.5}, 422),
        ("/people/walker-001/walk", {"device": "watch", "steps": 1}, 422),
        ("/people/walker-001/walk", {"from": 9_000_000, "to": 9_000_001}, 422),
        ("/clock", {"speed": 2}, 422),
        ("/keys/unknown/revoke", {"": ""}, 404),
        ("/people", {"count": 0}, 422),
    ],
)
def test_bad_orders_are_refused(visitor: Visitor, path: str, order: object, status: int) -> None:
    answer = visitor.http.post(f"{visitor.url}/control{path}", json=order)
    assert answer.status_code == status
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "query", ["", "?from=now", "?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z"]
)
def test_truth_needs_a_window(visitor: Visitor, query: str) -> None:
    answer = visitor.http.get(f"{visitor.url}/control/people/walker-001/truth{query}")
    assert answer.status_code == 422
