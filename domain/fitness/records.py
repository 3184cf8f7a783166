"""Records that phones upload: what one is, and which of two under one id stands."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from models.record import RecordingMethod
from models.slots import Metric, SlotClass

CLASSES = {
    RecordingMethod.AUTOMATIC: SlotClass.MEASURED,
    RecordingMethod.ACTIVE: SlotClass.MEASURED,
    RecordingMethod.MANUAL: SlotClass.MANUAL,
    RecordingMethod.UNKNOWN: SlotClass.UNKNOWN,
}

LONG_AGO = datetime.min.replace(tzinfo=UTC)


class SentDevice(Protocol):
    """What measured, as a phone describes it."""

    @property
    def type(self) -> str | None: ...
    @property
    def manufacturer(self) -> str | None: ...
    @property
    def model(self) -> str | None: ...


class SentRecord(Protocol):
    """A record as it was sent. Nothing but the types and the id's shape is checked yet."""

    @property
    def id(self) -> str: ...
    @property
    def metric(self) -> str: ...
    @property
    def start(self) -> str: ...
    @property
    def end(self) -> str: ...
    @property
    def utc_offset_s(self) -> int | None: ...
    @property
    def value(self) -> float: ...
    @property
    def origin(self) -> str: ...
    @property
    def device(self) -> SentDevice | None: ...
    @property
    def recording_method(self) -> str: ...
    @property
    def last_modified(self) -> str | None: ...
    @property
    def version(self) -> int | None: ...


class Known(NamedTuple):
    """A record that passed the checks, or stands in the table."""

    id: str
    """A UUID in lower case."""
    metric: Metric
    source: str
    start: datetime
    end: datetime
    value: int
    """In 1/1000 of the metric's unit."""
    utc_offset_s: int | None
    recording_method: RecordingMethod
    version: int | None
    last_modified: datetime | None

    @property
    def slot_class(self) -> SlotClass:
        """Whether it was measured."""
        return CLASSES[self.recording_method]

    @property
    def is_immutable(self) -> bool:
        """Whether nothing can be newer than it."""
        return self.version is None and self.last_modified is None

    def says_the_same_as(self, other: "Known") -> bool:
        """Compare everything but version and time of change."""
        return self[:8] == other[:8]

    def is_newer_than(self, other: "Known") -> bool:
        """Compare versions, then times of change; one without is older than any with."""
        return _age(self.version, self.last_modified) > _age(other.version, other.last_modified)


def _age(version: int | None, modified: datetime | None) -> tuple[bool, int, bool, datetime]:
    return (version is not None, version or 0, modified is not None, modified or LONG_AGO)


class Status(enum.StrEnum):
    """What became of a record."""

    INSERTED = "inserted"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


class RecordCode(enum.StrEnum):
    """Why a record was rejected."""

    DELETED_RECORD = "deleted_record"
    END_BEFORE_START = "end_before_start"
    IMMUTABLE_RECORD = "immutable_record"
    IN_FUTURE = "in_future"
    INVALID_OFFSET = "invalid_offset"
    INVALID_TEXT = "invalid_text"
    INVALID_TIME = "invalid_time"
    INVALID_VALUE = "invalid_value"
    INVALID_VERSION = "invalid_version"
    TOO_LONG = "too_long"
    TOO_OLD = "too_old"
    UNKNOWN_METRIC = "unknown_metric"
    UNKNOWN_RECORDING_METHOD = "unknown_recording_method"
    VALUE_TOO_LARGE = "value_too_large"


@dataclass(slots=True)
class Result:
    """What became of a record, under its id as it was sent."""

    id: str
    status: Status
    code: RecordCode | None = None


@dataclass(frozen=True)
class Uploaded:
    """What an upload did."""

    results: Sequence[Result]
    """One per record, in the order of the request."""
    deleted: int
    """Records that stood before and are gone now."""
    scores_changed: int

    @property
    def wrote(self) -> bool:
        """Whether anything is other than before."""
        written = {Status.INSERTED, Status.UPDATED}
        return self.deleted > 0 or any(one.status in written for one in self.results)


Verdict = Status | RecordCode
Standing = dict[str, Known | None]
"""Records by id; None under the id of one that was deleted."""


def judge(sent: Known, standing: Standing) -> Verdict:
    """Say what becomes of a record, given what stands under its id.

    A deletion is for good. A record that bears neither version nor time of change is immutable,
    whether it stands or comes: nothing else may come under its id. Otherwise the newer one stands,
    whatever the order of arrival.
    """
    if sent.id not in standing:
        return Status.INSERTED
    known = standing[sent.id]
    if known is None:
        return RecordCode.DELETED_RECORD
    if sent.is_immutable or known.is_immutable:
        same = sent.says_the_same_as(known)
        return Status.UNCHANGED if same else RecordCode.IMMUTABLE_RECORD
    return Status.UPDATED if sent.is_newer_than(known) else Status.UNCHANGED


def result(sent_id: str, verdict: Verdict) -> Result:
    """Put a verdict into the answer."""
    if isinstance(verdict, RecordCode):
        return Result(sent_id, Status.REJECTED, verdict)
    return Result(sent_id, verdict)
