"""Which of a person's Google Fit streams are read.

Google merges all streams of a type into one, which is what it gives when only the type is named.
What was typed in stands in streams of its own. Devices are told apart where every stream of a type
that is not Google's own merge belongs to a device and there are at least two devices: then each
device's stream is read and our merge decides. A stream without a device, such as an app's, would be
lost that way, so beside one the merged stream is read. Calories are always read merged: only there
is the resting part in them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.fitness.providers.base import Device, DeviceStream
from domain.fitness.providers.google_fit_answers import DataSource, SourceDevice
from models.slots import Metric
from models.source import SourceKind

TYPES = {
    Metric.STEPS: "com.google.step_count.delta",
    Metric.DISTANCE: "com.google.distance.delta",
    Metric.CALORIES: "com.google.calories.expended",
    Metric.ACTIVE_MINUTES: "com.google.active_minutes",
    Metric.HEART_POINTS: "com.google.heart_minutes",
}
MANUAL = ":com.google.android.apps.fitness:user_input"

TOLD_APART = [metric for metric in Metric if metric is not Metric.CALORIES]
KINDS = {
    "watch": SourceKind.WATCH,
    "phone": SourceKind.PHONE,
    "tablet": SourceKind.PHONE,
}
MERGER = "com.google.android.gms"
WHOLE = "top_level"
"""The name of the one of a device's streams that holds all that it counted."""
MOST_DEVICES = 8
"""Lists never shrink; of someone with more devices the merged stream is read."""
LONGEST_TEXT = 200


@dataclass(frozen=True)
class Streams:
    """What is read beside the merged streams, or in their stead."""

    manual: tuple[str, ...]
    by_device: tuple[DeviceStream, ...]


def choose(listed: Sequence[DataSource]) -> Streams:
    """Choose from a person's list of data sources."""
    manual = sorted(one.dataStreamId for one in listed if one.dataStreamId.endswith(MANUAL))
    sensors = [one for one in listed if not one.dataStreamId.endswith(MANUAL)]
    by_device = [stream for metric in TOLD_APART for stream in _told_apart(metric, sensors)]
    return Streams(tuple(manual), tuple(by_device))


def _told_apart(metric: Metric, sensors: Sequence[DataSource]) -> list[DeviceStream]:
    """Return one stream of each device; nothing where they do not tell devices apart."""
    by_device: dict[Device, list[DataSource]] = {}
    for one in sensors:
        if one.dataType.name != TYPES[metric]:
            continue
        device = _device(one.device)
        if device is not None:
            by_device.setdefault(device, []).append(one)
        elif one.application.packageName != MERGER:
            return []
    if not 2 <= len(by_device) <= MOST_DEVICES:
        return []
    chosen = []
    for device, streams in by_device.items():
        whole = [one for one in streams if one.dataStreamName == WHOLE] or streams
        if len(whole) > 1:
            return []
        chosen.append(DeviceStream(metric, whole[0].dataStreamId, device))
    return chosen


def _device(found: SourceDevice | None) -> Device | None:
    """Return a device that can be told from others by what Google says of it."""
    if found is None or not found.uid:
        return None
    texts = (found.manufacturer, found.model, found.uid)
    if any(len(text) > LONGEST_TEXT or not text.isprintable() for text in texts):
        return None
    return Device(KINDS.get(found.type, SourceKind.OTHER), *texts)
