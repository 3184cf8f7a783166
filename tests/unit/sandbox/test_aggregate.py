from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.aggregate import aggregate, bucket_edges, parse_request
from sandbox.clock import DAY_MS, HOUR_MS, QUARTER_MS
from sandbox.diary import FOREVER_MS, Diary, Part
from sandbox.fit_errors import FitError
from sandbox.people import make_person
from sandbox.points import Reader
from sandbox.streams import ACTIVITY, DATA_TYPES, LOCATION

NOON_MS = int(datetime(2026, 11, 16, 12, tzinfo=UTC).timestamp()) * 1000
STEPS = {"dataTypeName": "com.google.step_count.delta"}
SCOPES = frozenset({ACTIVITY, LOCATION})


def reader(number: int = 1, scopes: frozenset[str] = SCOPES) -> Reader:
    person = make_person(1, number)
    return Reader(person, Diary(person), scopes, FOREVER_MS)


def request_body(start_ms: int, end_ms: int, by: Any = None, *types: Any) -> dict[str, Any]:
    body = {
        "aggregateBy": list(types) or [STEPS],
        "startTimeMillis": start_ms,
        "endTimeMillis": end_ms,
    }
    return body | ({"bucketByTime": by} if by else {})


def edges(start_ms: int, end_ms: int, by: Any) -> list[int]:
    return bucket_edges(parse_request(request_body(start_ms, end_ms, by)))


def ms(zone_time: datetime) -> int:
    return int(zone_time.timestamp()) * 1000


def test_the_last_bucket_is_cut_off_at_the_end_of_the_range() -> None:
    assert edges(NOON_MS, NOON_MS + 150, {"durationMillis": 100}) == [
        NOON_MS,
        NOON_MS + 100,
        NOON_MS + 150,
    ]
    assert edges(NOON_MS, NOON_MS + 1, {"durationMillis": HOUR_MS}) == [NOON_MS, NOON_MS + 1]


def test_numbers_may_be_text() -> None:
    body = request_body(NOON_MS, NOON_MS + HOUR_MS, {"durationMillis": str(QUARTER_MS)})
    body["startTimeMillis"] = str(NOON_MS)
    assert len(bucket_edges(parse_request(body))) == 5


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        (
            datetime(2026, 3, 27, 23, tzinfo=UTC),
            datetime(2026, 3, 30, 22, tzinfo=UTC),
            [24, 23, 24],
        ),
        (
            datetime(2026, 10, 23, 22, tzinfo=UTC),
            datetime(2026, 10, 26, 23, tzinfo=UTC),
            [24, 25, 24],
        ),
        (datetime(2026, 3, 28, 11, tzinfo=UTC), datetime(2026, 3, 29, 12, tzinfo=UTC), [12, 13]),
    ],
)
def test_days_of_a_period_end_at_local_midnight(
    start: datetime, end: datetime, hours: list[int]
) -> None:
    period = {"period": {"type": "day", "value": 1, "timeZoneId": "Europe/Berlin"}}
    cut = edges(ms(start), ms(end), period)
    assert [(b - a) // HOUR_MS for a, b in pairwise(cut)] == hours


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    start, end = datetime(2026, 11, 18, tzinfo=UTC), datetime(2027, 1, 10, tzinfo=UTC)
    months = edges(ms(start), ms(end), {"period": {"type": "month", "timeZoneId": "UTC"}})
    assert months[1:-1] == [
        ms(datetime(2026, 12, 1, tzinfo=UTC)),
        ms(datetime(2027, 1, 1, tzinfo=UTC)),
    ]
    weeks = edges(ms(start), ms(start + timedelta(days=8)), {"period": {"type": "week"}})
    assert weeks[1:-1] == [ms(datetime(2026, 11, 23, tzinfo=UTC))]


@given(
    st.integers(1, 100),
    st.integers(-200, 200),
    st.integers(1, 300),
    st.integers(60_000, DAY_MS),
)
@settings(max_examples=40, deadline=None)
def test_no_bucketing_loses_or_invents_anything(
    number: int, quarter: int, quarters: int, duration_ms: int
) -> None:
    view = reader(number)
    start_ms = NOON_MS + quarter * QUARTER_MS
    end_ms = start_ms + quarters * QUARTER_MS
    body = parse_request(request_body(start_ms, end_ms, {"durationMillis": duration_ms}))
    points = [p for b in aggregate(view, body)["bucket"] for p in b["dataset"][0]["point"]]
    slots = view.diary.slots(Part.ALL, start_ms, end_ms, FOREVER_MS)
    assert sum(p["value"][0]["intVal"] for p in points) * 1000 == sum(slot[0] for slot in slots)


def test_every_aggregate_by_has_its_dataset_in_order_and_empty_buckets_stay() -> None:
    types = [{"dataTypeName": name} for name in DATA_TYPES]
    night_ms = NOON_MS - 11 * HOUR_MS  # Two in the morning in Berlin.
    body = request_body(night_ms, night_ms + HOUR_MS, {"durationMillis": QUARTER_MS}, *types)
    buckets = aggregate(reader(), parse_request(body))["bucket"]
    assert len(buckets) == 4
    for bucket in buckets:
        assert [dataset["point"] for dataset in bucket["dataset"]] == [[]] * 5
        outputs = [dataset["dataSourceId"].split(":")[1] for dataset in bucket["dataset"]]
        assert outputs == [data_type.output for data_type in DATA_TYPES.values()]


def test_floats_round_back_to_thousandths() -> None:
    types = [{"dataTypeName": name} for name in DATA_TYPES]
    body = request_body(NOON_MS - DAY_MS, NOON_MS, {"durationMillis": QUARTER_MS}, *types)
    view = reader(3)
    buckets = aggregate(view, parse_request(body))["bucket"]
    slots = view.diary.slots(Part.ALL, NOON_MS - DAY_MS, NOON_MS, FOREVER_MS)
    for bucket, slot in zip(buckets, slots, strict=True):
        for at, dataset in enumerate(bucket["dataset"]):
            shown = sum(
                v.get("intVal", v.get("fpVal")) for p in dataset["point"] for v in p["value"][:1]
            )
            assert round(shown * 1000) == slot[at]
            assert shown == slot[at] / 1000


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (None, 400, "Parse Error"),
        ({}, 400, "Require at least one aggregateby"),
        (request_body(0, 91 * DAY_MS), 400, "aggregate duration too large"),
        (request_body(0, DAY_MS, {"durationMillis": 1}), 400, "aggregate duration too large"),
        (request_body(5, 5), 400, "start time must be before end time"),
        (
            request_body(0, 9, None, {"dataTypeName": "com.google.activity.summary"}),
            400,
            "no default datasource found for: com.google.activity.summary",
        ),
        (
            request_body(0, 9, None, {"dataSourceId": "raw:nothing"}),
            403,
            "datasource not found or not readable: raw:nothing",
        ),
        (
            request_body(0, 9, {"period": {"type": "day", "timeZoneId": "Mars/One"}}),
            400,
            "Invalid time zone: Mars/One",
        ),
        (
            request_body(0, 9, {"period": {"type": "day"}, "durationMillis": 1}),
            400,
            "only one of durationMillis and period may be set",
        ),
    ],
)
def test_refusals(body: Any, code: int, message: str) -> None:
    with pytest.raises(FitError) as refused:
        aggregate(reader(), parse_request(body))
    assert (refused.value.code, refused.value.message) == (code, message)


@pytest.mark.parametrize(
    "change",
    [{"startTimeMillis": "soon"}, {"unknown": 1}, {"bucketByTime": 5}, {"bucketBySession": {}}],
)
def test_malformed_bodies_are_invalid_arguments(change: dict[str, Any]) -> None:
    with pytest.raises(FitError) as refused:
        parse_request(request_body(0, 9) | change)
    assert refused.value.body["error"]["errors"][0]["reason"] == "invalidArgument"


def test_a_type_without_its_scope_is_not_read() -> None:
    view = reader(scopes=frozenset({ACTIVITY}))
    body = request_body(0, 9, None, {"dataTypeName": "com.google.distance.delta"})
    with pytest.raises(FitError) as refused:
        aggregate(view, parse_request(body))
    assert refused.value.message == "Cannot read data of type com.google.distance.delta"
