"""Uploads of records out of Health Connect and HealthKit."""

from typing import Annotated

from pydantic import Field, WithJsonSchema
from pydantic.dataclasses import dataclass

from domain.fitness.records import RecordCode, Status
from models.record import Platform, RecordingMethod
from models.slots import Metric
from web.schemas.fields import Answer, Body

MOST_RECORDS = 500

PlatformId = Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")]
# What these hold is judged record by record: a bad one is rejected and its upload goes on.
MetricName = Annotated[
    str, WithJsonSchema({"type": "string", "examples": [str(one) for one in Metric]})
]
MethodName = Annotated[
    str, WithJsonSchema({"type": "string", "examples": [str(one) for one in RecordingMethod]})
]
Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


# Dataclasses with slots: of the 500 in an upload, models would be three objects each.
part = dataclass(slots=True, config=Body.model_config)


@part
class DeviceBody:
    """What measured."""

    type: str | None = Field(default=None, examples=["watch", "band", "ring", "phone"])
    manufacturer: str | None = None
    model: str | None = None


@part
class RecordBody:
    """One record of the platform."""

    id: PlatformId
    metric: MetricName
    start: Moment
    end: Moment
    """At most 24 hours after the start; equal to it, the value falls into one quarter hour."""
    value: float
    """In the metric's unit; rounded to 3 decimals."""
    origin: str
    """The package or bundle that wrote it."""
    utc_offset_s: int | None = None
    device: DeviceBody | None = None
    recording_method: MethodName = RecordingMethod.UNKNOWN
    last_modified: Moment | None = None
    version: int | None = None


class UploadBody(Body):
    """Records and deletions. An id that is in both is deleted."""

    provider: Platform
    records: list[RecordBody] = Field(default_factory=list, max_length=MOST_RECORDS)
    deletions: list[PlatformId] = Field(default_factory=list)

    @property
    def weight(self) -> int:
        """How much of the caller's ceiling it takes."""
        return max(1, len(self.records) + len(self.deletions))


class RecordResult(Answer):
    """What became of a record."""

    id: str
    """As it was sent."""
    status: Status
    code: RecordCode | None = Field(default=None, exclude_if=lambda code: code is None)
    """Why it was rejected."""


class UploadAnswer(Answer):
    """What an upload did."""

    results: list[RecordResult]
    """One per record, in the order of the request."""
    deleted: int
    """Records that stood before and are gone now."""
