"""Google Fit's data types and streams, and which of them a person has.

Names, fields and scopes are those of a real account's list of data sources.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.devices import Device
from sandbox.diary import Diary, Origin, Part
from sandbox.people import Person

SCOPE_PREFIX = "https://www.googleapis.com/auth/"
ACTIVITY = SCOPE_PREFIX + "fitness.activity.read"
LOCATION = SCOPE_PREFIX + "fitness.location.read"

METRICS = ("steps", "distance", "calories", "active_minutes", "heart_points")
"""In the order of `walks.Values`."""


@dataclass(frozen=True, slots=True)
class DataType:
    """`metric` is an index into `METRICS`; `output` the type of its aggregate."""

    name: str
    metric: int
    field: str
    whole: bool
    scope: str
    merged: tuple[str, ...]
    output: str


def _data_type(
    name: str, metric: int, field: str, merged: tuple[str, ...], **other: str
) -> DataType:
    return DataType(
        name=f"com.google.{name}",
        metric=metric,
        field=field,
        whole=metric in (0, 3),
        scope=other.get("scope", ACTIVITY),
        merged=merged,
        output=f"com.google.{other.get('output', name)}",
    )


DATA_TYPES = {
    data_type.name: data_type
    for data_type in (
        _data_type("step_count.delta", 0, "steps", ("merge_step_deltas", "estimated_steps")),
        _data_type("distance.delta", 1, "distance", ("merge_distance_delta",), scope=LOCATION),
        _data_type("calories.expended", 2, "calories", ("merge_calories_expended",)),
        _data_type("active_minutes", 3, "duration", ("merge_active_minutes",)),
        _data_type(
            "heart_minutes",
            4,
            "intensity",
            ("merge_heart_minutes",),
            output="heart_minutes.summary",
        ),
    )
}

_GMS = "com.google.android.gms"
_FIT_APP = "com.google.android.apps.fitness"


@dataclass(frozen=True, slots=True)
class Stream:
    """One data source of a person; `device` only where it says which one writes it."""

    id: str
    data_type: DataType
    part: Part
    package: str
    name: str
    device: Device | None = None


def merged_stream(data_type: DataType) -> Stream:
    """What the vendor reads when asked for a data type without naming a stream."""
    return _merged(data_type, data_type.merged[0])


def streams_of(person: Person, diary: Diary, at_ms: int) -> Iterator[Stream]:
    for data_type in DATA_TYPES.values():
        for device in person.devices:
            stream_id = device.stream_id(data_type.name)
            name = stream_id.rsplit(":", 1)[1]
            part = Part(device.kind.value)
            named = device if device.is_named else None
            yield Stream(stream_id, data_type, part, device.package, name, named)
        for name in data_type.merged:
            yield _merged(data_type, name)
        if diary.has_typed(data_type.metric, at_ms):
            yield _user_input(data_type)


def origin_ids(person: Person, data_type: DataType) -> dict[Origin, str]:
    """The streams that data points of each origin came from."""
    ids = {Origin.TYPED: _user_input(data_type).id}
    for device in reversed(person.devices):
        ids[Origin(device.kind.value)] = device.stream_id(data_type.name)
    return ids


def _merged(data_type: DataType, name: str) -> Stream:
    return Stream(f"derived:{data_type.name}:{_GMS}:{name}", data_type, Part.ALL, _GMS, name)


def _user_input(data_type: DataType) -> Stream:
    stream_id = f"raw:{data_type.name}:{_FIT_APP}:user_input"
    return Stream(stream_id, data_type, Part.TYPED, _FIT_APP, "user_input")
