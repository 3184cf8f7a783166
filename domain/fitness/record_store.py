"""The table of raw records. The caller has locked the person before anything is written."""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from psycopg import Connection
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.fitness.records import Known, Standing
from models.record import Platform, RecordingMethod
from models.slots import Metric

FIND = text(
    """
    SELECT deleted, CAST(id AS text), metric, source, start_at, end_at, value, utc_offset_s,
           recording_method, version, last_modified
    FROM record
    WHERE person_id = :person AND provider = :provider AND id = ANY(CAST(:ids AS uuid[]))
    """
)
TAKE_OUT = text(
    "DELETE FROM record"
    " WHERE person_id = :person AND provider = :provider AND id = ANY(CAST(:ids AS uuid[]))"
)
PUT_IN = (
    "COPY record (person_id, provider, id, deleted, metric, source, start_at, end_at, value,"
    " utc_offset_s, recording_method, version, last_modified, ingested_at) FROM STDIN"
)
NULL = "\\N"
NO_CONTENT = "\t".join([NULL] * 9)
METRICS = {str(metric): metric for metric in Metric}
METHODS = {str(method): method for method in RecordingMethod}


class Row(NamedTuple):
    """A record to write; one without content was deleted before it came."""

    id: str
    content: Known | None
    deleted: bool


def find(session: Session, person_id: int, provider: Platform, ids: Collection[str]) -> Standing:
    """Return what stands under these ids."""
    rows = session.execute(FIND, {"person": person_id, "provider": provider, "ids": _array(ids)})
    return {id_: None if deleted else _known(id_, *rest) for deleted, id_, *rest in rows}


def _known(id_: str, metric: str, source: str, *rest: Any) -> Known:
    start, end, value, offset, method, version, modified = rest
    return Known(
        id_,
        METRICS[metric],
        source,
        start,
        end,
        value,
        offset,
        METHODS[method],
        version,
        modified,
    )


def replace(
    session: Session,
    person_id: int,
    provider: Platform,
    rows: Iterable[Row],
    known_ids: Collection[str],
    now: datetime,
) -> None:
    """Write rows, in the place of those under `known_ids`."""
    if known_ids:
        session.execute(
            TAKE_OUT, {"person": person_id, "provider": provider, "ids": _array(known_ids)}
        )
    front, back = f"{person_id}\t{provider}\t", f"\t{now.isoformat()}\n"
    lines = [f"{front}{row.id}\t{row.deleted}\t{_columns(row.content)}{back}" for row in rows]
    connection: Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]  # psycopg's own
    with connection.cursor().copy(PUT_IN) as copy:
        copy.write("".join(lines))


def _array(ids: Iterable[str]) -> str:
    """Write UUIDs as one text, which is much quicker than one by one."""
    return "{" + ",".join(ids) + "}"


_written = lru_cache(maxsize=4096)(str)
"""Of times, which come again: one record often ends when the next begins."""


def _columns(content: Known | None) -> str:
    if content is None:
        return NO_CONTENT
    _, metric, source, start, end, value, offset, method, version, modified = content
    return (
        f"{metric}\t{source}\t{_written(start)}\t{_written(end)}\t{value}"
        f"\t{NULL if offset is None else offset}\t{method}"
        f"\t{NULL if version is None else version}"
        f"\t{NULL if modified is None else _written(modified)}"
    )
