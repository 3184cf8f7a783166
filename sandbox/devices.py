"""What counts a person's steps: phones and watches, and the streams that they write."""

import random
from dataclasses import dataclass
from enum import StrEnum


class DeviceKind(StrEnum):
    PHONE = "phone"
    WATCH = "watch"


@dataclass(frozen=True, slots=True)
class Device:
    """One phone or watch.

    `stream` is the vendor's id of what it writes, with `{type}` where the data type goes. What an
    app writes in its own name does not say which device it comes from.
    """

    kind: DeviceKind
    manufacturer: str
    model: str
    uid: str
    package: str
    stream: str

    @property
    def is_named(self) -> bool:
        """Whether its streams say that they are of this device."""
        return self.uid in self.stream

    def stream_id(self, data_type: str) -> str:
        return self.stream.format(type=data_type)


_FIT = "com.google.android.fit"
_IOS = "com.google.ios.fit"

_PHONES = (
    ("Google", "Pixel 8", _FIT),
    ("Google", "Pixel 9 Pro", _FIT),
    ("samsung", "SM-S921B", _FIT),
    ("appleinc.", "iphone", _IOS),
)
_WATCHES = (
    ("Google", "Pixel Watch 3", _FIT),
    ("samsung", "SM-L310", _FIT),
    ("Fitbit", "Charge 6", "com.fitbit.FitbitMobile"),
    ("appleinc.", "watch", _IOS),
)


def pick_device(kind: DeviceKind, rng: random.Random) -> Device:
    manufacturer, model, package = rng.choice(_PHONES if kind is DeviceKind.PHONE else _WATCHES)
    uid = f"{rng.getrandbits(32):08x}"
    if package == "com.fitbit.FitbitMobile":
        stream = f"raw:{{type}}:{package}:health_platform"
    else:
        stream = f"derived:{{type}}:{package}:{manufacturer}:{model}:{uid}:top_level"
    return Device(kind, manufacturer, model, uid, package, stream)
