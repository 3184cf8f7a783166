"""What a record must be like, and the sources that records name."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from domain.fitness.readings import MAX_SLOT
from models import Record, Source
from models.source import SourceKind
from tests.factories import START, Factory
from tests.integration.fitness.phone import (
    WATCH,
    Device,
    Phone,
    Sent,
    at,
    slots_of_records,
    stored_slots,
    total,
)


@pytest.fixture
def phone(engine: Engine, factory: Factory) -> Phone:
    return Phone(engine, factory.person())


NOW = START + timedelta(days=1)
FINE = Sent()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"end": (START - timedelta(seconds=1)).isoformat()}, "end_before_start"),
        ({"end": (START + timedelta(hours=24, microseconds=1)).isoformat()}, "too_long"),
        (
            {
                "start": NOW.isoformat(),
                "end": (NOW + timedelta(minutes=5, seconds=1)).isoformat(),
            },
            "in_future",
        ),
        ({"start": (NOW - timedelta(days=401)).isoformat()}, "too_long"),
        (
            {
                "start": (NOW - timedelta(days=401)).isoformat(),
                "end": (NOW - timedelta(days=401)).isoformat(),
            },
            "too_old",
        ),
        ({"value": -0.001}, "invalid_value"),
        ({"value": float("nan")}, "invalid_value"),
        ({"value": float("inf")}, "invalid_value"),
        ({"value": (MAX_SLOT + 1) / 1000}, "value_too_large"),
        ({"value": 1e300}, "value_too_large"),
        ({"utc_offset_s": 18 * 3600 + 1}, "invalid_offset"),
        ({"utc_offset_s": -(10**30)}, "invalid_offset"),
        ({"version": 2**63}, "invalid_version"),
        ({"metric": "mood"}, "unknown_metric"),
        ({"recording_method": "guessed"}, "unknown_recording_method"),
        ({"start": "2026-11-21T08:00:00"}, "invalid_time"),
        ({"start": "yesterday"}, "invalid_time"),
        ({"end": "2026-02-30T08:00:00Z"}, "invalid_time"),
        ({"start": "0001-01-01T00:00:00+23:00"}, "invalid_time"),
        ({"last_modified": "20261121T080000Z"}, "invalid_time"),
        ({"origin": ""}, "invalid_text"),
        ({"origin": "a\x00b"}, "invalid_text"),
        ({"origin": "a\tb"}, "invalid_text"),
        ({"origin": "x" * 1001}, "invalid_text"),
        ({"device": Device(model="\u202eevil")}, "invalid_text"),
        ({"device": Device(manufacturer="\ud800")}, "invalid_text"),
    ],
)
def test_a_bad_record_is_named_and_fails_no_other(
    session: Session, phone: Phone, changes: Any, code: str
) -> None:
    done = phone.upload(Sent(), FINE.but(**changes), Sent(), now=NOW)
    assert [one.code for one in done.results] == [None, code, None]
    assert total(session) == 200_000
    assert len(session.scalars(select(Record)).all()) == 2
    assert len(session.scalars(select(Source)).all()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"end": (START + timedelta(hours=24)).isoformat()},
        {"end": START.isoformat()},
        {"start": NOW.isoformat(), "end": (NOW + timedelta(minutes=5)).isoformat()},
        {"value": 0},
        {"value": MAX_SLOT / 1000},
        {"utc_offset_s": -18 * 3600},
        {"utc_offset_s": None, "device": None},
        {"version": -(2**63), "last_modified": "0001-01-01T00:00:00Z"},
        {"version": 2**63 - 1, "last_modified": "9999-12-31T23:59:59.999999999Z"},
        {
            "start": f"{START:%Y-%m-%d}t10:00:00.123456789+14:00",
            "end": f"{START:%Y-%m-%d}T10:01:00+14:00",
        },
        {"device": Device("\\N", "a/b%", "Maria\u2019s Apple\u00a0Watch \u25cb")},
    ],
)
def test_the_edges_of_what_is_good(session: Session, phone: Phone, changes: Any) -> None:
    (result,) = phone.upload(FINE.but(id=str(uuid.uuid4()), **changes), now=NOW).results
    assert (result.status, result.code) == ("inserted", None)
    assert stored_slots(session) == slots_of_records(session)


def test_a_slot_that_is_full_takes_no_more(session: Session, phone: Phone) -> None:
    full = Sent(value=MAX_SLOT / 1000, version=1)
    assert phone.send(full, Sent(value=0.001), Sent(value=0)) == [
        "inserted",
        "value_too_large",
        "inserted",
    ]
    more = at(0, 20, value=1, id=full.id, version=2)
    assert phone.send(more, Sent(value=MAX_SLOT / 1000)) == ["updated", "value_too_large"]
    too_much = full.but(value=MAX_SLOT / 1000 + 1, version=3)
    assert phone.send(too_much) == ["value_too_large"]
    assert stored_slots(session) == slots_of_records(session)
    assert total(session) == 1000


def test_a_rejected_record_makes_no_source(session: Session, phone: Phone) -> None:
    phone.send(Sent(value=MAX_SLOT / 1000), Sent(value=1, device=WATCH), Sent(value=1))
    phone.send(Sent(value=1e300, origin="com.example.other"))
    keys = session.scalars(select(Source.key).order_by(Source.key)).all()
    assert keys == [
        "health_connect/com.example.health/phone/Google/Pixel 8",
        "health_connect/com.example.health/watch/Google/Pixel Watch",
    ]


@pytest.mark.parametrize(
    ("device", "kind"),
    [
        (Device("watch"), SourceKind.WATCH),
        (Device("WATCH"), SourceKind.WATCH),
        (Device("band"), SourceKind.BAND),
        (Device("fitness_band"), SourceKind.BAND),
        (Device("ring"), SourceKind.RING),
        (Device("phone"), SourceKind.PHONE),
        (Device("scale"), SourceKind.OTHER),
        (Device(None), SourceKind.OTHER),
        (None, SourceKind.OTHER),
    ],
)
def test_a_source_is_of_the_kind_of_its_device(
    session: Session, phone: Phone, device: Device | None, kind: SourceKind
) -> None:
    phone.send(Sent(device=device))
    source = session.scalars(select(Source)).one()
    assert (source.kind, source.app, source.coarse) == (kind, "com.example.health", False)
    assert source.model == (device.model if device else None)


def test_long_intervals_come_from_a_coarse_source(session: Session, phone: Phone) -> None:
    phone.send(at(0, 60), at(0, 60.001), at(0, 600))
    coarse = {one.key: one.coarse for one in session.scalars(select(Source))}
    plain = "health_connect/com.example.health/phone/Google/Pixel 8"
    assert coarse == {plain: False, f"{plain}/coarse": True}


def test_parts_of_a_key_cannot_be_mistaken(session: Session, phone: Phone) -> None:
    phone.send(Sent(device=Device("phone", "a/b", "c")), Sent(device=Device("phone", "a", "b/c")))
    assert len(session.scalars(select(Source)).all()) == 2
