from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.clock import DAY_MS, HOUR_MS
from sandbox.datasets import get_dataset, list_sources
from sandbox.diary import FOREVER_MS, Diary, Part
from sandbox.fit_errors import FitError
from sandbox.people import make_person
from sandbox.points import Reader
from sandbox.streams import ACTIVITY, LOCATION

START_MS = int(datetime(2026, 11, 16, tzinfo=UTC).timestamp()) * 1000
RANGE = f"{START_MS}000000-{START_MS + DAY_MS}000000"
MERGED = "derived:com.google.step_count.delta:com.google.android.gms:estimated_steps"
TYPED = "raw:com.google.step_count.delta:com.google.android.apps.fitness:user_input"
BY_HAND, NOT_BY_HAND = 5, 4


def reader(number: int, scopes: frozenset[str] = frozenset({ACTIVITY, LOCATION})) -> Reader:
    person = make_person(1, number)
    return Reader(person, Diary(person), scopes, FOREVER_MS)


def steps(points: list[dict[str, Any]]) -> int:
    return sum(int(point["value"][0]["intVal"]) for point in points)


@given(st.integers(1, 200), st.integers(1, 120), st.integers(0, 18))
@settings(max_examples=30, deadline=None)
def test_pages_walk_backwards_and_miss_nothing(number: int, limit: int, hour: int) -> None:
    view, start_ms = reader(number), START_MS + hour * HOUR_MS
    six_hours = f"{start_ms}000000-{start_ms + 6 * HOUR_MS}000000"
    whole = get_dataset(view, MERGED, six_hours, None, None)["point"]
    pages, token = [], None
    while True:
        page = get_dataset(view, MERGED, six_hours, limit, token)
        pages.append(page["point"])
        token = page.get("nextPageToken")
        if token is None:
            break
    for later, earlier in pairwise(pages):
        assert int(earlier[-1]["endTimeNanos"]) < int(later[0]["endTimeNanos"])
    assert [point for page in reversed(pages) for point in page] == whole


def test_points_are_ordered_by_their_end_and_say_when_they_arrived() -> None:
    points = get_dataset(reader(BY_HAND), MERGED, RANGE, None, None)["point"]
    ends = [int(point["endTimeNanos"]) for point in points]
    assert ends == sorted(ends)
    for point in points:
        assert int(point["startTimeNanos"]) < int(point["endTimeNanos"])
        assert int(point["modifiedTimeMillis"]) * 10**6 >= int(point["endTimeNanos"])


def test_the_typed_stream_holds_what_the_merged_one_names_as_its_origin() -> None:
    view = reader(BY_HAND)
    merged = get_dataset(view, MERGED, RANGE, None, None)["point"]
    typed = get_dataset(view, TYPED, RANGE, None, None)["point"]
    assert typed
    assert steps(typed) == steps([p for p in merged if p["originDataSourceId"] == TYPED])
    slots = view.diary.slots(Part.ALL, START_MS, START_MS + DAY_MS, FOREVER_MS)
    inside = [p for p in merged if int(p["startTimeNanos"]) // 10**6 < START_MS + DAY_MS]
    assert steps([p for p in inside if int(p["startTimeNanos"]) >= START_MS * 10**6]) * 1000 == sum(
        slot[0] for slot in slots
    )


def test_whoever_never_typed_has_no_such_stream() -> None:
    with pytest.raises(FitError) as refused:
        get_dataset(reader(NOT_BY_HAND), TYPED, RANGE, None, None)
    assert refused.value.body == {
        "error": {
            "code": 403,
            "message": f"datasource not found or not readable: {TYPED}",
            "status": "PERMISSION_DENIED",
        }
    }


def test_sources_are_listed_by_type_and_by_scope() -> None:
    view = reader(BY_HAND)
    every = list_sources(view, [])["dataSource"]
    assert len({source["dataStreamId"] for source in every}) == len(every)
    distance = list_sources(view, ["com.google.distance.delta"])["dataSource"]
    assert {source["dataType"]["name"] for source in distance} == {"com.google.distance.delta"}
    unlocated = list_sources(reader(BY_HAND, frozenset({ACTIVITY})), [])["dataSource"]
    assert len(unlocated) == len(every) - len(distance)


@pytest.mark.parametrize("dataset_id", ["", "5", "9-5", "a-b", "1-2-3"])
def test_a_malformed_range_is_refused(dataset_id: str) -> None:
    with pytest.raises(FitError) as refused:
        get_dataset(reader(1), MERGED, dataset_id, None, None)
    assert refused.value.code == 400


def test_a_malformed_page_token_is_refused() -> None:
    with pytest.raises(FitError):
        get_dataset(reader(1), MERGED, RANGE, 5, "next")
