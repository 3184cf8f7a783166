"""The people of the sandbox. Person n is a pure function of (seed, n)."""

import hashlib
import random
import uuid
from dataclasses import dataclass
from typing import TypeVar
from zoneinfo import ZoneInfo

from sandbox.devices import Device, DeviceKind, pick_device

T = TypeVar("T")

PASSWORD = "podium"  # noqa: S105 - every invented person has this one, by design
MAIL_DOMAIN = "sandbox.test"

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Europe/London",
    "Australia/Lord_Howe",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Africa/Nairobi",
    "America/Sao_Paulo",
    "Europe/Lisbon",
    "Pacific/Auckland",
    "America/Denver",
    "Asia/Singapore",
    "Pacific/Chatham",
    "Europe/Helsinki",
)

_NAMES = (
    "Alva", "Brisco", "Corin", "Delfa", "Emlyn", "Fenna", "Garro", "Hesta", "Ilvo", "Jorla",
    "Kesta", "Lumo", "Marit", "Nilo", "Oriel", "Pella", "Quill", "Runa", "Sorrel", "Tavo",
    "Ulla", "Vesna", "Wendo", "Xara", "Yoren", "Zelda", "Ambro", "Birla", "Cato", "Dorrit",
    "Elio", "Frey", "Gwill", "Hanno", "Isolde", "Juno", "Kalle", "Liska", "Mirko",
)  # fmt: skip
_INITIALS = "ABCDEFGHIJKLMNOPRSTUVWYZ"

_DEVICE_SETS = (
    ((DeviceKind.PHONE,), 40),
    ((DeviceKind.PHONE, DeviceKind.WATCH), 45),
    ((DeviceKind.WATCH,), 15),
)

_UPLOAD_GAPS_MIN = ((1, 38), (90, 5), (225, 57))
"""Mean minutes between two uploads of a device, and how common that is, in per cent.

Chosen so that the lag from a step to its arrival has a median near 49 minutes, as in captured
answers, while at any time somebody's data is fresh.
"""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When and how a person moves. Minutes count from local midnight; steps are per minute."""

    wake: int
    bed: int
    commute_minutes: int
    lunch_chance: float
    evening_chance: float
    run_days: frozenset[int]
    cadence: int
    restlessness: int
    stride_mm: int
    step_cost_mcal: int
    upload_gap_min: int


@dataclass(frozen=True, slots=True)
class Person:
    """`number` starts at 1. `sub` is the person's Supabase id, `google_sub` the Google one."""

    seed: int
    number: int
    id: str
    sub: str
    google_sub: str
    email: str
    display_name: str
    timezone: str
    devices: tuple[Device, ...]
    types_by_hand: bool
    shakes: bool
    """Leaves the phone in a machine at night."""
    rhythm: Rhythm
    phase_ns: int
    """How far behind the full minute this person's data points start, in nanoseconds."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


def stable_uuid(*parts: object) -> str:
    """A UUID (version 4 in form) that is a pure function of the parts."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def person_id(number: int) -> str:
    return f"walker-{number:03d}"


def make_person(seed: int, number: int) -> Person:
    rng = random.Random(f"{seed}/person/{number}")
    kinds = _weighted(rng, _DEVICE_SETS)
    round_, name = divmod(number - 1, len(_NAMES))
    initial = _INITIALS[(round_ + seed + 7 * name) % len(_INITIALS)]
    return Person(
        seed=seed,
        number=number,
        id=person_id(number),
        sub=stable_uuid(seed, "supabase", number),
        google_sub=str(10**20 + rng.randrange(10**20)),
        email=f"{person_id(number)}@{MAIL_DOMAIN}",
        display_name=f"{_NAMES[name]} {initial}.",
        timezone=ZONES[(number - 1) % len(ZONES)],
        devices=tuple(pick_device(kind, rng) for kind in kinds),
        types_by_hand=number % 8 == 5,
        shakes=number % 60 == 35,
        rhythm=_make_rhythm(rng),
        phase_ns=rng.randrange(100_000_000, 5_000_000_000),
    )


def _make_rhythm(rng: random.Random) -> Rhythm:
    runner = rng.random() < 0.35
    return Rhythm(
        wake=rng.randrange(330, 500),
        bed=rng.randrange(1320, 1430),
        commute_minutes=rng.choice((0, 8, 12, 18, 25, 32)),
        lunch_chance=rng.uniform(0.2, 0.9),
        evening_chance=rng.uniform(0.1, 0.7),
        run_days=frozenset(rng.sample(range(7), rng.randrange(1, 4))) if runner else frozenset(),
        cadence=rng.randrange(99, 125),
        restlessness=rng.randrange(140, 300),
        stride_mm=rng.randrange(640, 820),
        step_cost_mcal=rng.randrange(32, 52),
        upload_gap_min=_weighted(rng, _UPLOAD_GAPS_MIN),
    )


def _weighted(rng: random.Random, options: tuple[tuple[T, int], ...]) -> T:
    return rng.choices([value for value, _ in options], [weight for _, weight in options])[0]
