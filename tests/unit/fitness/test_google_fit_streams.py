"""Which streams of a list of data sources are read."""

from typing import Any

import msgspec
import pytest

from domain.fitness.providers.base import Device, DeviceStream
from domain.fitness.providers.google_fit_answers import DataSource
from domain.fitness.providers.google_fit_streams import MANUAL, MOST_DEVICES, TYPES, choose
from models.slots import Metric
from models.source import SourceKind

STEPS = TYPES[Metric.STEPS]
GMS = "com.google.android.gms"
FIT = "com.google.android.fit"
MERGED = {
    "dataStreamId": f"derived:{STEPS}:{GMS}:merge_step_deltas",
    "dataStreamName": "merge_step_deltas",
    "dataType": {"name": STEPS},
    "application": {"packageName": GMS},
}


def stream(
    uid: str,
    *,
    kind: str = "phone",
    metric: Metric = Metric.STEPS,
    name: str = "top_level",
    package: str = FIT,
    model: str = "Pixel 8",
) -> dict[str, Any]:
    return {
        "dataStreamId": f"derived:{TYPES[metric]}:{package}:Google:{model}:{uid}:{name}",
        "dataStreamName": name,
        "dataType": {"name": TYPES[metric]},
        "application": {"packageName": package},
        "device": {"manufacturer": "Google", "model": model, "type": kind, "uid": uid},
    }


PHONE, WATCH = stream("1"), stream("2", kind="watch", model="Pixel Watch 3")
OF_AN_APP = {
    "dataStreamId": f"raw:{STEPS}:com.fitbit.FitbitMobile:health_platform",
    "dataType": {"name": STEPS},
    "application": {"packageName": "com.fitbit.FitbitMobile"},
}


def chosen(*listed: dict[str, Any]) -> tuple[DeviceStream, ...]:
    return choose(msgspec.convert(listed, list[DataSource])).by_device


def test_two_devices_are_told_apart() -> None:
    assert chosen(MERGED, PHONE, WATCH) == (
        DeviceStream(
            Metric.STEPS,
            PHONE["dataStreamId"],
            Device(SourceKind.PHONE, "Google", "Pixel 8", "1"),
        ),
        DeviceStream(
            Metric.STEPS,
            WATCH["dataStreamId"],
            Device(SourceKind.WATCH, "Google", "Pixel Watch 3", "2"),
        ),
    )


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("watch", SourceKind.WATCH),
        ("tablet", SourceKind.PHONE),
        ("chestStrap", SourceKind.OTHER),
        ("unknown", SourceKind.OTHER),
        ("something new", SourceKind.OTHER),
    ],
)
def test_devices_have_kinds(given: str, kind: SourceKind) -> None:
    assert [one.device.kind for one in chosen(PHONE, stream("2", kind=given))][1] is kind


@pytest.mark.parametrize(
    "listed",
    [
        [],
        [MERGED],
        [MERGED, PHONE],
        [PHONE, WATCH, OF_AN_APP],
        [PHONE, WATCH, {**OF_AN_APP, "application": {"name": "A web app"}}],
        [PHONE, WATCH, stream("")],
        [PHONE, stream("2", model="Pixel\n9")],
        [PHONE, stream("2", model="x" * 201)],
        [PHONE, WATCH, stream("1", name="a"), stream("3", name="a"), stream("3", name="b")],
        [stream(str(n)) for n in range(MOST_DEVICES + 1)],
    ],
)
def test_otherwise_the_merged_stream_is_read(listed: list[dict[str, Any]]) -> None:
    assert chosen(*listed) == ()


def test_of_a_devices_streams_the_whole_one_is_read() -> None:
    parts = [stream("1", name="derive_step_deltas<-raw", package=GMS), PHONE]
    assert [one.stream for one in chosen(*parts, WATCH)] == [
        PHONE["dataStreamId"],
        WATCH["dataStreamId"],
    ]
    lone = stream("3", name="live_step_deltas")
    assert chosen(lone, WATCH)[0].stream == lone["dataStreamId"]


def test_each_metric_is_told_apart_by_itself() -> None:
    calories = [stream(uid, metric=Metric.CALORIES) for uid in "12"]
    distance = [stream(uid, metric=Metric.DISTANCE) for uid in "12"]
    found = chosen(*calories, *distance, PHONE, MERGED)
    assert [one.metric for one in found] == [Metric.DISTANCE] * 2


def test_what_was_typed_in_is_no_device() -> None:
    typed = {**OF_AN_APP, "dataStreamId": f"raw:{STEPS}{MANUAL}"}
    streams = choose(msgspec.convert([typed, PHONE, WATCH], list[DataSource]))
    assert streams.manual == (typed["dataStreamId"],)
    assert len(streams.by_device) == 2
