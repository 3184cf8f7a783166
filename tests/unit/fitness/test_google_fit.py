"""Reading Google's answers: values, shapes and errors."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import clock
from domain.errors import Refused, Retryable, Throttled
from domain.fitness.providers.base import TokenDead
from domain.fitness.providers.google_fit import split
from domain.fitness.providers.google_fit_answers import (
    AGGREGATE,
    StreamMissing,
    TypeUnreadable,
    decode,
    delay_of,
    error_of,
    parse,
)
from domain.fitness.windows import QUARTER, Window
from models.slots import Metric

START = datetime(2026, 11, 20, tzinfo=UTC)
WINDOW = Window(START, START + 4 * QUARTER)


def bucket(slot: int, *values: list[dict[str, Any]]) -> dict[str, Any]:
    millis = int((START + slot * QUARTER).timestamp() * 1000)
    return {
        "startTimeMillis": str(millis),
        "dataset": [{"point": [{"value": [value]} for value in points]} for points in values],
    }


def read(answer: Any, columns: int) -> list[list[int]]:
    return parse(decode(AGGREGATE, json.dumps(answer).encode()), columns, WINDOW)


def test_values_are_thousandths_by_the_place_of_the_data_set() -> None:
    answer = {
        "bucket": [
            bucket(0, [{"intVal": 174}], [{"fpVal": 0.1}, {"fpVal": 0.2}]),
            bucket(1, [], []),
            bucket(3, [{"intVal": 1, "mapVal": []}], [{"fpVal": 1234.5678}]),
        ]
    }
    assert read(answer, 2) == [[174000, 0, 0, 1000], [300, 0, 0, 1234568]]


def test_an_answer_without_buckets_is_no_data() -> None:
    assert read({}, 1) == [[0, 0, 0, 0]]


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {"bucket": [{}]},
        {"bucket": [bucket(0, [{"intVal": 1}])]},
        {"bucket": [bucket(9, [{"intVal": 1}], [])]},
        {"bucket": [bucket(-1, [{"intVal": 1}], [])]},
        {"bucket": [bucket(0, [{"stringVal": "x"}], [])]},
        {"bucket": [bucket(0, [{"fpVal": float("nan")}], [])]},
        {"bucket": [bucket(0, [{"fpVal": float("inf")}], [])]},
        {"bucket": [{"startTimeMillis": "x", "dataset": [{}, {}]}]},
    ],
)
def test_another_shape_is_tried_again(answer: Any) -> None:
    with pytest.raises(Retryable):
        read(answer, 2)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=96))
def test_typed_values_never_exceed_what_is_there(pairs: list[tuple[int, int]]) -> None:
    merged = [whole for whole, _ in pairs]
    stream = split(Metric.STEPS, merged, [typed for _, typed in pairs])
    assert [a + b for a, b in zip(stream.measured, stream.manual, strict=True)] == merged
    assert min(stream.measured + stream.manual) >= 0


def error(message: str = "", *, reason: str = "", status: str = "") -> bytes:
    return json.dumps(
        {"error": {"message": message, "errors": [{"reason": reason}], "status": status}}
    ).encode()


@pytest.mark.parametrize(
    ("status", "content", "kind", "code"),
    [
        (401, error("Invalid Credentials", reason="authError"), TokenDead, "vendor_unauthorised"),
        (429, error(status="RESOURCE_EXHAUSTED"), Throttled, "vendor_throttled"),
        (403, error(reason="userRateLimitExceeded"), Throttled, "vendor_throttled"),
        (
            403,
            error("datasource not found or not readable: raw:x", status="PERMISSION_DENIED"),
            StreamMissing,
            "vendor_stream_missing",
        ),
        (403, error("Cannot read data of type x.y"), TypeUnreadable, "scope_missing"),
        (
            403,
            error("Request had insufficient authentication scopes."),
            Refused,
            "scope_missing",
        ),
        (403, error("Off.", reason="accessNotConfigured"), Refused, "provider_unavailable"),
        (404, b"<html>", Refused, "provider_unavailable"),
        (400, error("aggregate duration too large"), Refused, "vendor_refused"),
        (500, error("Backend Error", reason="backendError"), Retryable, "vendor_unavailable"),
        (503, b"", Retryable, "vendor_unavailable"),
        (502, b"[1]", Retryable, "vendor_unavailable"),
    ],
)
def test_errors_have_kinds(status: int, content: bytes, kind: type, code: str) -> None:
    found = error_of(status, None, content)
    assert type(found) is kind
    assert getattr(found, "code", None) == code


@pytest.mark.parametrize(("header", "delay"), [("17", 17.0), ("soon", None), (None, None)])
def test_throttling_carries_the_wish_of_the_vendor(header: str | None, delay: float | None) -> None:
    found = error_of(429, header, b"")
    assert isinstance(found, Throttled)
    assert found.delay == delay


def test_a_wish_may_be_a_date() -> None:
    in_a_minute = format_datetime(clock.now() + timedelta(seconds=60), usegmt=True)
    delay = delay_of(in_a_minute)
    assert delay is not None
    assert 50 < delay <= 60
    assert delay_of("Sun, 06 Nov 1994 08:49:37 GMT") == 0
