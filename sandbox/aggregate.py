"""`dataset:aggregate` of Google Fit: a person's data in buckets of time."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox import fit_errors
from sandbox.clock import DAY_MS, MINUTE_MS, QUARTER_MS
from sandbox.diary import Cell, Origin, Part
from sandbox.points import NANOS, Reader, value_of
from sandbox.streams import DATA_TYPES, Stream, merged_stream, origin_ids

LONGEST_RANGE_MS = 90 * DAY_MS
MOST_BUCKETS = 20_000


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AggregateBy(_Body):
    dataTypeName: str | None = None  # noqa: N815 - the vendor's spelling
    dataSourceId: str | None = None  # noqa: N815


class Period(_Body):
    type: Literal["day", "week", "month"]
    value: int = Field(default=1, ge=1)
    timeZoneId: str = "UTC"  # noqa: N815


class BucketByTime(_Body):
    durationMillis: int | None = Field(default=None, ge=1)  # noqa: N815
    period: Period | None = None


class AggregateRequest(_Body):
    """Numbers may come as numbers or as strings; every public client sends numbers."""

    aggregateBy: list[AggregateBy] = []  # noqa: N815
    bucketByTime: BucketByTime | None = None  # noqa: N815
    startTimeMillis: int  # noqa: N815
    endTimeMillis: int  # noqa: N815


@dataclass(frozen=True, slots=True)
class Column:
    """One `aggregateBy`: the stream that it reads and the dataset id that it answers."""

    stream: Stream
    dataset_id: str
    origins: Mapping[Origin, str]
    """Ids of the streams that its points may come from."""


def parse_request(raw: Any) -> AggregateRequest:
    """FitError in the vendor's words if the body is no good."""
    if not isinstance(raw, dict):
        raise fit_errors.parse_error()
    if not raw.get("aggregateBy"):
        raise fit_errors.no_aggregate_by()
    try:
        body = AggregateRequest.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise fit_errors.invalid_argument(f"Invalid value at '{where}': {first['msg']}") from error
    if body.startTimeMillis >= body.endTimeMillis:
        raise fit_errors.invalid_argument("start time must be before end time")
    if body.endTimeMillis - body.startTimeMillis > LONGEST_RANGE_MS:
        raise fit_errors.duration_too_large()
    return body


def aggregate(reader: Reader, body: AggregateRequest) -> dict[str, Any]:
    """The answer: one bucket for each stretch of time, one dataset for each `aggregateBy`."""
    columns = [_column(reader, by) for by in body.aggregateBy]
    edges = bucket_edges(body)
    sums = {part: _grouped(reader, part, edges) for part in {c.stream.part for c in columns}}
    return {
        "bucket": [
            {
                "startTimeMillis": str(start_ms),
                "endTimeMillis": str(end_ms),
                "dataset": [
                    {
                        "dataSourceId": column.dataset_id,
                        "point": _points(reader.person.phase_ns, column, cells)
                        if (cells := sums[column.stream.part][at])
                        else [],
                    }
                    for column in columns
                ],
            }
            for at, (start_ms, end_ms) in enumerate(pairwise(edges))
        ]
    }


def bucket_edges(body: AggregateRequest) -> list[int]:
    """Where the buckets begin, and the end. The last bucket is cut off at the end of the range.

    Buckets of a period end at local midnights, also if the range begins in the middle of a day.
    Weeks begin on Monday.
    """
    start_ms, end_ms, by = body.startTimeMillis, body.endTimeMillis, body.bucketByTime
    if by is None or (by.durationMillis is None and by.period is None):
        return [start_ms, end_ms]
    if by.durationMillis is not None and by.period is not None:
        raise fit_errors.invalid_argument("only one of durationMillis and period may be set")
    if by.durationMillis is not None:
        if (end_ms - start_ms) // by.durationMillis > MOST_BUCKETS:
            raise fit_errors.duration_too_large()
        return [*range(start_ms, end_ms, by.durationMillis), end_ms]
    assert by.period is not None
    return _period_edges(start_ms, end_ms, by.period)


def _period_edges(start_ms: int, end_ms: int, period: Period) -> list[int]:
    try:
        zone = ZoneInfo(period.timeZoneId)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise fit_errors.invalid_argument(f"Invalid time zone: {period.timeZoneId}") from error
    edges = [start_ms]
    day = _first_day(datetime.fromtimestamp(start_ms / 1000, UTC).astimezone(zone).date(), period)
    while edges[-1] < end_ms:
        day = _next_day(day, period)
        midnight_ms = int(datetime.combine(day, time(), zone).timestamp() * 1000)
        edges.append(min(midnight_ms, end_ms))
    return edges


def _first_day(day: date, period: Period) -> date:
    if period.type == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period.type == "month" else day


def _next_day(day: date, period: Period) -> date:
    if period.type == "month":
        years, month = divmod(day.month - 1 + period.value, 12)
        return date(day.year + years, month + 1, 1)
    return day + timedelta(days=period.value * (7 if period.type == "week" else 1))


def _column(reader: Reader, by: AggregateBy) -> Column:
    if by.dataSourceId is not None:
        stream = reader.stream(by.dataSourceId)
    elif by.dataTypeName in DATA_TYPES:
        stream = merged_stream(DATA_TYPES[by.dataTypeName])
        reader.check_scope(stream.data_type)
    elif by.dataTypeName:
        raise fit_errors.no_default_source(by.dataTypeName)
    else:
        raise fit_errors.invalid_argument("aggregateBy needs a dataTypeName or a dataSourceId")
    dataset_id = f"derived:{stream.data_type.output}:com.google.android.gms:aggregated"
    return Column(stream, dataset_id, origin_ids(reader.person, stream.data_type))


def _grouped(reader: Reader, part: Part, edges: list[int]) -> list[list[Cell]]:
    """The cells of each bucket. Data belongs to the bucket in which it starts."""
    whole = all(edge % QUARTER_MS == 0 for edge in edges)
    length_ms = QUARTER_MS if whole else MINUTE_MS
    groups: list[list[Cell]] = [[] for _ in edges[1:]]
    for cell in reader.cells(part, edges[0], edges[-1], length_ms):
        groups[bisect_right(edges, cell.start_ms) - 1].append(cell)
    return groups


def _points(phase_ns: int, column: Column, cells: list[Cell]) -> list[dict[str, Any]]:
    data_type = column.stream.data_type
    metric = data_type.metric
    cells = [cell for cell in cells if cell.values[metric]]
    if not cells:
        return []
    values = [value_of(data_type, sum(cell.values[metric] for cell in cells))]
    if data_type.output != data_type.name:
        values.append({"intVal": sum(cell.values[-1] for cell in cells), "mapVal": []})
    last = cells[-1]
    return [
        {
            "startTimeNanos": str(cells[0].start_ms * NANOS + phase_ns),
            "endTimeNanos": str(max(cell.end_ms for cell in cells) * NANOS),
            "dataTypeName": data_type.output,
            "originDataSourceId": column.origins[last.origin],
            "value": values,
        }
    ]
