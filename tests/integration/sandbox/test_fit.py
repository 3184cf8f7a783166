"""Google Fit driven by Google's own client; answers are held against its discovery document."""

import gzip
import json
from datetime import datetime
from typing import Any

import pytest
import requests
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import get_static_doc
from googleapiclient.errors import HttpError
from jsonschema import Draft7Validator

from sandbox.clock import DAY_MS, HOUR_MS, QUARTER_MS
from sandbox.streams import ACTIVITY, DATA_TYPES, METRICS
from sandbox.world import World
from tests.conftest import SHARED
from tests.integration.sandbox.conftest import BY_HAND, CLIENT, NOT_BY_HAND, Visitor

STEPS = "com.google.step_count.delta"
MERGED = f"derived:{STEPS}:com.google.android.gms:estimated_steps"
TYPED = f"raw:{STEPS}:com.google.android.apps.fitness:user_input"
ALL_TYPES = [{"dataTypeName": name} for name in DATA_TYPES]

DISCOVERY: dict[str, Any] = json.loads(get_static_doc("fitness", "v1") or "{}")


def schema_of(described: dict[str, Any]) -> dict[str, Any]:
    """A JSON Schema of one description; int64 travels as text, nothing unnamed is allowed."""
    if "$ref" in described:
        return {"$ref": f"#/definitions/{described['$ref']}"}
    if described.get("format") in ("int64", "uint64"):
        return {"type": "string", "pattern": r"^-?\d+$"}
    schema: dict[str, Any] = {key: described[key] for key in ("type", "enum") if key in described}
    if "items" in described:
        schema["items"] = schema_of(described["items"])
    if "properties" in described:
        inner = {name: schema_of(each) for name, each in described["properties"].items()}
        schema |= {"properties": inner, "additionalProperties": False}
    return schema


def check(answer: Any, name: str) -> None:
    definitions = {name: schema_of(each) for name, each in DISCOVERY["schemas"].items()}
    schema = {"$ref": f"#/definitions/{name}", "definitions": definitions}
    Draft7Validator(schema).validate(answer)


def body(world: World, hours: int = 48, by: Any = None, types: Any = None) -> dict[str, Any]:
    end_ms = world.clock.now_ms() // QUARTER_MS * QUARTER_MS
    return {
        "aggregateBy": types or ALL_TYPES,
        "bucketByTime": by or {"durationMillis": QUARTER_MS},
        "startTimeMillis": end_ms - hours * HOUR_MS,
        "endTimeMillis": end_ms,
    }


def ask(visitor: Visitor, token: str, request: Any, **query: Any) -> Any:
    answer = visitor.fit(token, "dataset:aggregate", request, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def google(visitor: Visitor) -> Any:
    """Google's client as one person; it refreshes by itself."""
    granted = visitor.connect(BY_HAND)
    credentials = Credentials(  # type: ignore[no-untyped-call]  # the library is typed in part
        granted["access_token"],
        refresh_token=granted["refresh_token"],
        token_uri=f"{visitor.url}/token",
        **CLIENT,
    )
    service = build_from_document(
        DISCOVERY,
        credentials=credentials,
        client_options={"api_endpoint": f"{visitor.url}/fitness/v1/users/"},
    )
    yield service.users()
    service.close()


def test_googles_client_aggregates(google: Any, world: World) -> None:
    answer = google.dataset().aggregate(userId="me", body=body(world)).execute()
    check(answer, "AggregateResponse")
    assert len(answer["bucket"]) == 192
    assert any(dataset["point"] for bucket in answer["bucket"] for dataset in bucket["dataset"])


def test_googles_client_refreshes_after_a_401(google: Any, visitor: Visitor, world: World) -> None:
    visitor.act(f"/people/{BY_HAND}/expire")
    assert google.dataset().aggregate(userId="me", body=body(world)).execute()["bucket"]
    assert visitor.fit_calls() == 2


def test_googles_client_lists_and_reads_sources(google: Any) -> None:
    listed = google.dataSources().list(userId="me", dataTypeName=[STEPS]).execute()
    check(listed, "ListDataSourcesResponse")
    assert MERGED in {source["dataStreamId"] for source in listed["dataSource"]}
    for source in listed["dataSource"]:
        asked = google.dataSources().get(userId="me", dataSourceId=source["dataStreamId"])
        assert asked.execute() == source


def test_googles_client_pages_through_a_dataset(google: Any, world: World) -> None:
    now_ms = world.clock.now_ms()
    span = f"{now_ms - 3 * DAY_MS}000000-{now_ms}000000"
    datasets = google.dataSources().datasets()
    whole = datasets.get(userId="me", dataSourceId=MERGED, datasetId=span).execute()
    check(whole, "Dataset")
    request = datasets.get(userId="me", dataSourceId=MERGED, datasetId=span, limit=100)
    points: list[Any] = []
    while request is not None:
        page = request.execute()
        check(page, "Dataset")
        points = page["point"] + points
        token = page.get("nextPageToken")
        request = token and datasets.get(
            userId="me", dataSourceId=MERGED, datasetId=span, limit=100, pageToken=token
        )
    assert points == whole["point"]
    assert len(points) > 100


def test_googles_client_sees_a_missing_stream_as_forbidden(visitor: Visitor) -> None:
    token = visitor.connect(NOT_BY_HAND)["access_token"]
    credentials = Credentials(token)  # type: ignore[no-untyped-call]  # typed in part
    service = build_from_document(
        DISCOVERY,
        credentials=credentials,
        client_options={"api_endpoint": f"{visitor.url}/fitness/v1/users/"},
    )
    with service, pytest.raises(HttpError) as refused:
        service.users().dataSources().get(userId="me", dataSourceId=TYPED).execute()
    assert refused.value.status_code == 403
    assert refused.value.reason == f"datasource not found or not readable: {TYPED}"


@pytest.mark.parametrize(
    "by",
    [
        {"durationMillis": str(DAY_MS)},
        {"period": {"type": "day", "value": 1, "timeZoneId": "Asia/Kathmandu"}},
        {"period": {"type": "week", "value": 1, "timeZoneId": "Europe/Berlin"}},
        {"period": {"type": "month", "value": 1, "timeZoneId": "America/New_York"}},
    ],
)
def test_all_buckets_are_valid_and_add_up(
    visitor: Visitor, world: World, token: str, by: Any
) -> None:
    answer = ask(visitor, token, body(world, 40 * 24, by))
    check(answer, "AggregateResponse")
    quarters = ask(visitor, token, body(world, 40 * 24))
    assert summed(answer) == summed(quarters)


def summed(answer: Any) -> list[int]:
    """Thousandths of each metric over all buckets."""
    sums = [0] * len(METRICS)
    for bucket in answer["bucket"]:
        for at, dataset in enumerate(bucket["dataset"]):
            for point in dataset["point"]:
                value = point["value"][0]
                sums[at] += round(value.get("intVal", value.get("fpVal")) * 1000)
    return sums


def test_the_aggregate_is_what_control_says_that_they_walked(
    visitor: Visitor, world: World, token: str
) -> None:
    request = body(world)
    window = f"from={request['startTimeMillis']}&to={request['endTimeMillis']}"
    truth = visitor.control(f"/people/{BY_HAND}/truth?{window}")
    both = [sum(truth["measured"][m]) + sum(truth["manual"][m]) for m in METRICS]
    assert summed(ask(visitor, token, request)) == both
    by_hand = ask(visitor, token, body(world, types=[{"dataSourceId": TYPED}]))
    assert summed(by_hand)[0] == sum(truth["manual"]["steps"]) > 0
    complete = visitor.control(f"/people/{BY_HAND}/truth?{window}&complete=true")
    assert sum(complete["measured"]["steps"]) >= sum(truth["measured"]["steps"])


@pytest.mark.parametrize("manual", [False, True])
def test_a_walk_on_request_changes_exactly_itself(visitor: Visitor, manual: bool) -> None:
    person = NOT_BY_HAND
    token = visitor.connect(person)["access_token"]
    start_ms = visitor_now_ms(visitor) // QUARTER_MS * QUARTER_MS - DAY_MS
    request: dict[str, Any] = {
        "aggregateBy": ALL_TYPES,
        "startTimeMillis": start_ms,
        "endTimeMillis": start_ms + DAY_MS // 2,
    }
    # Nothing else may arrive meanwhile: the window is older than the longest lag.
    before = summed(ask(visitor, token, request))
    visitor.control(
        f"/people/{person}/walk",
        **{"from": start_ms + 7 * 60_000, "minutes": 40},
        steps=4001,
        distance=2000.125,
        calories=77.7,
        active_minutes=38,
        heart_points=41.5,
        manual=manual,
    )
    after = summed(ask(visitor, token, request))
    changed = [b - a for a, b in zip(before, after, strict=True)]
    assert changed == [4_001_000, 2_000_125, 77_700, 38_000, 41_500]
    typed = visitor.fit(
        token, "dataset:aggregate", request | {"aggregateBy": [{"dataSourceId": TYPED}]}
    )
    assert typed.status_code == (200 if manual else 403)
    if manual:
        assert summed(typed.json())[0] == 4_001_000


def visitor_now_ms(visitor: Visitor) -> int:
    return int(datetime.fromisoformat(visitor.control("/clock")["now"]).timestamp() * 1000)


def test_partial_answers_keep_the_order_and_the_values(
    visitor: Visitor, world: World, token: str
) -> None:
    request = body(world)
    fields = "bucket(startTimeMillis,dataset/point/value(intVal,fpVal))"
    partial = ask(visitor, token, request, fields=fields)
    assert summed(partial) == summed(ask(visitor, token, request))
    assert partial["bucket"][0].keys() == {"startTimeMillis", "dataset"}
    refused = visitor.fit(token, "dataset:aggregate", request, fields="bucket/nothing")
    assert refused.status_code == 400
    assert refused.json()["error"]["message"] == "Invalid field selection bucket/nothing"


def test_answers_are_compressed_on_request(visitor: Visitor, world: World, token: str) -> None:
    url = f"{visitor.url}/fitness/v1/users/me/dataset:aggregate"
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
    with requests.post(url, json=body(world), headers=headers, stream=True, timeout=60) as answer:
        raw = answer.raw.read()
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(raw))["bucket"]) == 192
    plain = headers | {"Accept-Encoding": "identity"}
    answer = requests.post(url, json=body(world), headers=plain, timeout=60)
    assert "Content-Encoding" not in answer.headers
    assert len(answer.content) > 3 * len(raw)


ERRORS: dict[str, dict[str, Any]] = {
    "400_no_aggregateby": {"aggregateBy": []},
    "400_aggregate_duration_too_large": {"startTimeMillis": 0},
    "400_no_default_datasource": {"aggregateBy": [{"dataTypeName": "com.google.activity.summary"}]},
}


@pytest.mark.parametrize("name", [*ERRORS, "400_parse_error", "401_invalid_credentials"])
def test_errors_are_those_of_the_real_server(
    visitor: Visitor, world: World, token: str, name: str
) -> None:
    captured = SHARED / "data" / "fit_errors" / f"{name}.json"
    if not captured.exists():
        pytest.skip("no captured answers at hand")
    if name == "400_parse_error":
        url = f"{visitor.url}/fitness/v1/users/me/dataset:aggregate"
        headers = {"Authorization": f"Bearer {token}"}
        refused = visitor.http.post(url, data=b'{"aggregateBy":', headers=headers)
    else:
        used = "ya29.wrong" if name.startswith("401") else token
        request = body(world) | ERRORS.get(name, {})
        refused = visitor.fit(used, "dataset:aggregate", request)
    assert refused.status_code == int(name[:3])
    assert refused.json() == json.loads(captured.read_text())


def test_scopes_are_checked(visitor: Visitor, world: World) -> None:
    token = visitor.connect(BY_HAND, scopes="openid")["access_token"]
    refused = visitor.fit(token, "dataset:aggregate", body(world))
    assert refused.status_code == 403
    reason = refused.json()["error"]["details"][0]["reason"]
    assert reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    token = visitor.connect(BY_HAND, scopes=ACTIVITY)["access_token"]
    refused = visitor.fit(token, "dataset:aggregate", body(world))
    assert (
        refused.json()["error"]["message"] == "Cannot read data of type com.google.distance.delta"
    )
    steps = body(world, types=[{"dataTypeName": STEPS}])
    assert visitor.fit(token, "dataset:aggregate", steps).status_code == 200


@pytest.mark.parametrize("path", ["sessions", "dataSources/x/y", "../you/dataSources"])
def test_other_paths_are_not_found(visitor: Visitor, token: str, path: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    answer = visitor.http.get(f"{visitor.url}/fitness/v1/users/me/{path}", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, 404)
