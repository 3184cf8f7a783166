import json
from typing import Any

import pytest
from googleapiclient.discovery_cache import get_static_doc
from hypothesis import event, given
from hypothesis import strategies as st

from sandbox.fields import AGGREGATE, DATA_SOURCE, DATA_SOURCES, DATASET, Shape, parse, pick
from sandbox.fit_errors import FitError

POINT = {"startTimeNanos": "1", "value": [{"intVal": 3, "mapVal": []}]}
ANSWER = {
    "bucket": [
        {
            "startTimeMillis": "0",
            "endTimeMillis": "9",
            "dataset": [
                {"dataSourceId": "a", "point": [POINT]},
                {"dataSourceId": "b", "point": []},
            ],
        }
    ]
}


def picked(fields: str) -> Any:
    return pick(ANSWER, parse(fields, AGGREGATE))["bucket"][0]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("bucket/startTimeMillis", {"startTimeMillis": "0"}),
        ("bucket(startTimeMillis,endTimeMillis)", {"startTimeMillis": "0", "endTimeMillis": "9"}),
        (
            "bucket/startTimeMillis , bucket/endTimeMillis",
            {"startTimeMillis": "0", "endTimeMillis": "9"},
        ),
        (
            "bucket(startTimeMillis,dataset/point/value(intVal,fpVal))",
            {
                "startTimeMillis": "0",
                "dataset": [{"point": [{"value": [{"intVal": 3}]}]}, {"point": []}],
            },
        ),
        (
            "bucket/dataset(dataSourceId)",
            {"dataset": [{"dataSourceId": "a"}, {"dataSourceId": "b"}]},
        ),
        ("bucket/*", ANSWER["bucket"][0]),
        ("*", ANSWER["bucket"][0]),
        ("bucket", ANSWER["bucket"][0]),
        ("bucket,bucket/startTimeMillis", ANSWER["bucket"][0]),
        ("*/*/dataSourceId", {"dataset": [{"dataSourceId": "a"}, {"dataSourceId": "b"}]}),
        ("bucket/session", {}),
    ],
)
def test_it_keeps_what_is_named(fields: str, expected: Any) -> None:
    assert picked(fields) == expected


@pytest.mark.parametrize(
    "fields",
    [
        "",
        "nothing",
        "bucket/",
        "bucket(",
        "bucket(dataset",
        "bucket)",
        "bucket,,bucket",
        "bucket/dataset/point/value/intVal/more",
        "bucket{}",
        "bucket bucket",
    ],
)
def test_anything_else_is_refused(fields: str) -> None:
    with pytest.raises(FitError) as refused:
        parse(fields, AGGREGATE)
    assert refused.value.code == 400
    assert refused.value.body["error"]["errors"][0]["location"] == "fields"


@given(st.text(alphabet="bucketdaspoinv*/(), ", max_size=40))
def test_no_text_does_anything_but_select_or_be_refused(fields: str) -> None:
    try:
        selection = parse(fields, AGGREGATE)
    except FitError as error:
        event(error.body["error"]["errors"][0]["reason"])
        return
    assert pick(ANSWER, selection).keys() <= {"bucket"}


def described(schemas: dict[str, Any], schema: dict[str, Any]) -> Any:
    """The same tree of field names from Google's own document."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"]]
    if schema.get("type") == "array":
        return described(schemas, schema["items"])
    if "properties" not in schema:
        return None
    return {name: described(schemas, inner) for name, inner in schema["properties"].items()}


def named(shape: Shape | None) -> Any:
    return shape and {name: named(inner) for name, inner in shape.fields.items()}


@pytest.mark.parametrize(
    ("shape", "schema"),
    [
        (AGGREGATE, "AggregateResponse"),
        (DATASET, "Dataset"),
        (DATA_SOURCE, "DataSource"),
        (DATA_SOURCES, "ListDataSourcesResponse"),
    ],
)
def test_the_field_names_are_those_of_the_discovery_document(shape: Shape, schema: str) -> None:
    schemas = FITNESS["schemas"]
    assert named(shape) == described(schemas, {"$ref": schema})


def _fitness() -> dict[str, Any]:
    document = get_static_doc("fitness", "v1")
    assert document is not None
    loaded: dict[str, Any] = json.loads(document)
    return loaded


FITNESS = _fitness()
