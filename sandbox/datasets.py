"""Google Fit's data sources, and the raw data points of one of them."""

import re
from typing import Any

from sandbox import fit_errors
from sandbox.clock import MINUTE_MS, QUARTER_MS
from sandbox.diary import Cell
from sandbox.points import NANOS, Reader, value_of
from sandbox.streams import Stream, origin_ids

_RANGE = re.compile(r"(\d+)-(\d+)")
_LONGEST_POINT_MS = QUARTER_MS


def data_source(stream: Stream) -> dict[str, Any]:
    data_type = stream.data_type
    shown: dict[str, Any] = {
        "application": {"packageName": stream.package},
        "dataQualityStandard": [],
        "dataStreamId": stream.id,
        "dataStreamName": stream.name,
        "dataType": {
            "field": [
                {
                    "format": "integer" if data_type.whole else "floatPoint",
                    "name": data_type.field,
                }
            ],
            "name": data_type.name,
        },
        "type": stream.id.partition(":")[0],
    }
    if stream.device is not None:
        shown["device"] = {
            "manufacturer": stream.device.manufacturer,
            "model": stream.device.model,
            "type": stream.device.kind.value,
            "uid": stream.device.uid,
            "version": "",
        }
    return shown


def list_sources(reader: Reader, data_types: list[str]) -> dict[str, Any]:
    """All readable sources, or those of the named data types."""
    return {
        "dataSource": [
            data_source(stream)
            for stream in reader.streams()
            if not data_types or stream.data_type.name in data_types
        ]
    }


def get_dataset(
    reader: Reader, stream_id: str, dataset_id: str, limit: int | None, page_token: str | None
) -> dict[str, Any]:
    """The points that overlap the range, both ends included, ordered by their end.

    With a limit, the latest so many; the token of the answer leads to the ones before them. All
    points of a page end later than those of the next; points that end together stay together.
    """
    stream = reader.stream(stream_id)
    start_ns, end_ns = _parse_range(dataset_id)
    points = _points(reader, stream, start_ns, end_ns)
    if page_token is not None:
        before_ns = _parse_token(page_token)
        points = [point for point in points if point[0] < before_ns]
    page = _latest(points, limit)
    answer: dict[str, Any] = {
        "dataSourceId": stream.id,
        "maxEndTimeNs": str(end_ns),
        "minStartTimeNs": str(start_ns),
        "point": [point for _, point in page],
    }
    if len(page) < len(points):
        answer["nextPageToken"] = str(page[0][0])
    return answer


def _points(
    reader: Reader, stream: Stream, start_ns: int, end_ns: int
) -> list[tuple[int, dict[str, Any]]]:
    from_ms, to_ms = start_ns // NANOS - _LONGEST_POINT_MS, end_ns // NANOS + 1
    metric, phase_ns = stream.data_type.metric, reader.person.phase_ns
    origins = origin_ids(reader.person, stream.data_type)
    points = [
        (cell.end_ms * NANOS, _point(reader, stream, cell, origins[cell.origin]))
        for cell in reader.cells(stream.part, from_ms, to_ms, MINUTE_MS)
        if cell.values[metric]
        and cell.start_ms * NANOS + phase_ns <= end_ns
        and cell.end_ms * NANOS >= start_ns
    ]
    return sorted(points, key=lambda point: point[0])


def _point(reader: Reader, stream: Stream, cell: Cell, origin: str) -> dict[str, Any]:
    data_type = stream.data_type
    return {
        "dataTypeName": data_type.name,
        "endTimeNanos": str(cell.end_ms * NANOS),
        "modifiedTimeMillis": str(cell.arrived_ms),
        "originDataSourceId": origin,
        "startTimeNanos": str(cell.start_ms * NANOS + reader.person.phase_ns),
        "value": [value_of(data_type, cell.values[data_type.metric])],
    }


def _latest(
    points: list[tuple[int, dict[str, Any]]], limit: int | None
) -> list[tuple[int, dict[str, Any]]]:
    if limit is None or limit >= len(points):
        return points
    at = len(points) - limit
    while at > 0 and points[at - 1][0] == points[at][0]:
        at -= 1
    return points[at:]


def _parse_range(dataset_id: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(dataset_id)
    if match is None or int(match[1]) > int(match[2]):
        raise fit_errors.invalid_argument(f"Invalid dataset ID: {dataset_id}")
    return int(match[1]), int(match[2])


def _parse_token(page_token: str) -> int:
    if not page_token.isdecimal():
        raise fit_errors.invalid_argument("Invalid page token")
    return int(page_token)
