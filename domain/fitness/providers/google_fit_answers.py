"""What Google Fit answers: data by the place of the data set, and errors of four kinds."""

import re
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar

import msgspec
import orjson

from domain import clock
from domain.errors import Refused, Retryable, Throttled
from domain.fitness.providers.base import TokenDead
from domain.fitness.windows import QUARTER, Window

QUARTER_MS = QUARTER // timedelta(milliseconds=1)


class Value(msgspec.Struct, gc=False):
    """A number, whole or not."""

    intVal: int | None = None
    fpVal: float | None = None


class Point(msgspec.Struct, gc=False):
    """A value; the other fields are not asked for."""

    value: list[Value]


class Dataset(msgspec.Struct, gc=False):
    """What one of the asked types or streams has in a bucket."""

    point: list[Point] = []


class Bucket(msgspec.Struct, gc=False):
    """A quarter hour."""

    startTimeMillis: int
    dataset: list[Dataset]


class Aggregate(msgspec.Struct, gc=False):
    """The answer to `dataset:aggregate`, as far as it is asked for."""

    bucket: list[Bucket] = []


class DataType(msgspec.Struct, frozen=True, gc=False):
    """What a stream holds."""

    name: str = ""


class SourceDevice(msgspec.Struct, gc=False):
    """What wrote a stream; Google obfuscates the uid, always to the same."""

    manufacturer: str = ""
    model: str = ""
    type: str = "unknown"
    uid: str = ""


class Application(msgspec.Struct, frozen=True, gc=False):
    """What put a stream there; an app outside Android has no package."""

    packageName: str = ""


class DataSource(msgspec.Struct, gc=False):
    """A stream."""

    dataStreamId: str
    dataStreamName: str = ""
    dataType: DataType = DataType()
    device: SourceDevice | None = None
    application: Application = Application()


class DataSources(msgspec.Struct, gc=False):
    """The answer to `dataSources`, as far as it is asked for."""

    dataSource: list[DataSource] = []


# Google writes 64-bit integers as text.
AGGREGATE = msgspec.json.Decoder(Aggregate, strict=False)
DATA_SOURCES = msgspec.json.Decoder(DataSources)


Shape = TypeVar("Shape")


def decode(decoder: msgspec.json.Decoder[Shape], content: bytes) -> Shape:
    """Read an answer. Raises Retryable when it is cut short or of another shape."""
    try:
        return decoder.decode(content)
    except msgspec.DecodeError as error:
        raise Retryable("Google Fit's answer cannot be read.") from error


def parse(answer: Aggregate, columns: int, call: Window) -> list[list[int]]:
    """Return one list of slots per data set asked for, in 1/1000 of its unit.

    Data sets are known by their place, never by their ids, which Google rewrites. Raises Retryable
    for an answer of another shape.
    """
    start = int(call.start.timestamp()) * 1000
    result = [[0] * call.slots for _ in range(columns)]
    try:
        for bucket in answer.bucket:
            slot = (bucket.startTimeMillis - start) // QUARTER_MS
            if slot < 0:
                raise Retryable("Google Fit answered for a time before the one asked for.")
            for column, dataset in zip(result, bucket.dataset, strict=True):
                for point in dataset.point:
                    column[slot] += thousandths(point.value[0])
    except (IndexError, ValueError, OverflowError) as error:
        raise Retryable("Google Fit's answer has another shape.") from error
    return result


def thousandths(value: Value) -> int:
    """Return a value in 1/1000 of its unit. Raises ValueError for one without a number."""
    if value.intVal is not None:
        return value.intVal * 1000
    if value.fpVal is not None:
        return round(value.fpVal * 1000)
    raise ValueError("a value without a number")


class StreamMissing(Refused):
    """A stream that was asked for does not exist, or no longer."""

    code = "vendor_stream_missing"


THROTTLING = {"userRateLimitExceeded", "rateLimitExceeded", "RATE_LIMIT_EXCEEDED"}
SCOPE_WORDS = "insufficient authentication scopes"


def error_of(status: int, retry_after: str | None, content: bytes) -> Exception:
    """Turn Google's error into one of our four kinds. Every part of its body is optional."""
    message, reasons = _reasons(content)
    if status == 401:
        return TokenDead("Google did not take the access token.")
    if status == 429 or reasons & THROTTLING:
        return Throttled("Google asks us to slow down.", delay=delay_of(retry_after))
    if status == 403 and "datasource not found" in message:
        return StreamMissing(message)
    if status == 403 and (unreadable := UNREADABLE.search(message)):
        return TypeUnreadable(unreadable[1])
    if status == 403 and SCOPE_WORDS in message:
        return Refused(message, code="scope_missing")
    if status in {404, 410} or "accessNotConfigured" in reasons:
        return Refused("Google Fit is not available.", code="provider_unavailable")
    if status >= 500 or status == 408:
        return Retryable(f"Google Fit answered {status}.")
    return Refused(f"Google Fit answered {status}: {message}"[:300])


def _reasons(content: bytes) -> tuple[str, set[str]]:
    try:
        error = orjson.loads(content)["error"]
        found = {str(error.get("status"))}
        for part in [*error.get("errors", ()), *error.get("details", ())]:
            found.add(str(part.get("reason")))
        return str(error.get("message", "")), found
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return "", set()


UNREADABLE = re.compile(r"Cannot read data of type (\S+?)\.?$")


class TypeUnreadable(Refused):
    """The person's grant does not open this data type; the others may be asked for."""

    code = "scope_missing"

    def __init__(self, data_type: str) -> None:
        super().__init__(f"The grant does not open {data_type}.")
        self.data_type = data_type


def delay_of(retry_after: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for: a number or a date (RFC 9110)."""
    if retry_after is None:
        return None
    if retry_after.isdigit():
        return float(retry_after)
    try:
        return max((parsedate_to_datetime(retry_after) - clock.now()).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None
