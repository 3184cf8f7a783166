"""Lists as the text of PostgreSQL's arrays: what comes back is what went in."""

import json
from datetime import UTC
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.database import array
from models.slots import Metric

KINDS = [
    ("bigint", st.integers(-(2**63), 2**63 - 1)),
    ("uuid", st.uuids()),
    ("date", st.dates()),
    ("timestamptz", st.datetimes(timezones=st.just(UTC))),
    ("boolean", st.booleans()),
    ("text", st.sampled_from(Metric)),
]


@pytest.mark.parametrize(("kind", "one"), KINDS)
def test_comes_back_as_it_went(session: Session, kind: str, one: st.SearchStrategy[Any]) -> None:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.none() | one))
    def holds(values: list[Any]) -> None:
        statement = text(f"SELECT CAST(:values AS {kind}[])")
        assert session.scalar(statement, {"values": array(values)}) == values

    holds()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.text(), st.text())))
def test_documents_keep_any_character(session: Session, documents: list[dict[str, str]]) -> None:
    statement = text("SELECT CAST(CAST(:values AS json[]) AS text[])")
    told = session.scalar(statement, {"values": array(map(json.dumps, documents))})
    assert list(map(json.loads, told)) == documents
