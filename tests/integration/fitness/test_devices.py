"""Devices that Google Fit tells apart: each a source of its own, and nothing counted twice."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from domain import clock
from domain.fitness.fetched import Fetched
from domain.fitness.providers.base import Device, DeviceReadings, Pulled
from domain.fitness.providers.google_fit import LIST_AGAIN_AFTER
from domain.fitness.readings import Readings, Stream
from domain.fitness.windows import QUARTER, Window
from models import FitnessConnection, Participant, Person, SlotDay, Source
from models.slots import Metric
from models.source import SourceKind
from sandbox.people import make_person
from tests.factories import START, Factory
from tests.integration.fitness.conftest import Pulls
from tests.integration.fitness.outside import FIT, Outside, check_books_agree, pull
from tests.rules import ON_SERVERS
from worker.unit import unit_of_work

BOTH = "walker-003"
"""Carries a phone and a watch that Google Fit tells apart."""
WATCH = Device(SourceKind.WATCH, "Google", "Pixel Watch 3", "w")
PHONE = Device(SourceKind.PHONE, "Google", "Pixel 8", "p")
SLOTS = 2 * 96
"""Those of the days from START on that are over at any time of day."""

Values = Mapping[int, int]


def brought(window: Window, merged: Values | None, devices: Mapping[Device, Values]) -> Pulled:
    """Make up a pull of steps: merged, or of devices. Slots count from START."""
    first = (window.start - START) // QUARTER
    nothing = [0] * window.slots

    def stream(values: Values) -> Stream:
        counted = [values.get(first + n, 0) * 1000 for n in range(window.slots)]
        return Stream(Metric.STEPS, counted, nothing)

    return Pulled(
        Readings("google_fit", window, [] if merged is None else [stream(merged)]),
        (),
        clock.now(),
        (),
        tuple(
            DeviceReadings(device, Readings(f"google_fit/{device.uid}", window, [stream(values)]))
            for device, values in devices.items()
        ),
    )


def by_source(session: Session, person: Person) -> dict[str, dict[int, int]]:
    """Return the steps of each source by slot from START on."""
    session.expire_all()
    found: dict[str, dict[int, int]] = {}
    for row in session.scalars(
        select(SlotDay).where(SlotDay.person_id == person.id, SlotDay.metric == Metric.STEPS)
    ):
        base = (row.day - START.date()).days * 96
        slots = {base + n: value // 1000 for n, value in enumerate(row.slots) if value}
        found.setdefault(row.source, {}).update(slots)
    return {source: slots for source, slots in found.items() if slots}


def window_of(first: int, last: int) -> Window:
    return Window(START + first * QUARTER, START + last * QUARTER)


def test_a_new_watch_replaces_the_window_and_leaves_history(
    session: Session, factory: Factory, pulls: Pulls
) -> None:
    person, competition = factory.person(), factory.competition()
    pulls.connect(person)
    factory.participant(competition, person)

    def write(pulled: Pulled) -> int:
        (held,) = pulls.claimed(person)
        pulls.write(Fetched.of(held, pulled))
        session.expire_all()
        return session.get_one(Participant, (competition.id, person.id)).score

    assert write(brought(window_of(0, 200), {10: 500, 150: 300, 190: 40}, {})) == 840
    two = {PHONE: {150: 280, 190: 40}, WATCH: {150: 310}}
    assert write(brought(window_of(140, 200), None, two)) == 500 + 310 + 40
    assert by_source(session, person) == {
        "google_fit": {10: 500},
        "google_fit/p": two[PHONE],
        "google_fit/w": two[WATCH],
    }
    assert write(brought(window_of(140, 200), None, {PHONE: {150: 280}})) == 500 + 280
    assert write(brought(window_of(145, 210), {150: 290, 205: 7}, {})) == 500 + 290 + 7
    assert by_source(session, person) == {"google_fit": {10: 500, 150: 290, 205: 7}}


edges = st.lists(st.integers(0, SLOTS), min_size=2, max_size=2, unique=True).map(sorted)
values = st.dictionaries(st.integers(0, SLOTS - 1), st.integers(1, 900), max_size=12)
said: st.SearchStrategy[Any] = st.tuples(
    edges,
    st.one_of(
        st.tuples(values, st.just({})),
        st.tuples(st.none(), st.dictionaries(st.sampled_from([PHONE, WATCH]), values, min_size=1)),
    ),
)


@ON_SERVERS
@given(pulled=st.lists(said, min_size=1, max_size=5))
def test_of_each_slot_the_last_pull_says_everything(
    session: Session,
    factory: Factory,
    pulls: Pulls,
    pulled: list[Any],
) -> None:
    person = factory.person()
    pulls.connect(person)
    expected: dict[str, dict[int, int]] = {}
    for (first, last), (merged, devices) in pulled:
        (held,) = pulls.claimed(person)
        pulls.write(Fetched.of(held, brought(window_of(first, last), merged, devices)))
        news = {"google_fit": merged or {}} | {f"google_fit/{d.uid}": v for d, v in devices.items()}
        for source in {*expected, *news}:
            kept, new = expected.get(source, {}), news.get(source, {})
            expected[source] = {slot: kept[slot] for slot in kept if not first <= slot < last} | {
                slot: new[slot] for slot in new if first <= slot < last
            }
    assert by_source(session, person) == {s: slots for s, slots in expected.items() if slots}


@pytest.mark.usefixtures("app")
def test_devices_are_read_apart_in_the_same_call(session: Session, outside: Outside) -> None:
    walker = outside.connected(BOTH)
    outside.control("POST", f"/people/{BOTH}/walk", steps=321, distance=250.125)
    outside.ask(walker)
    pull()
    check_books_agree(session, outside, BOTH, walker)
    assert outside.calls(f"{FIT}/dataset:aggregate") == 1
    assert outside.calls(f"{FIT}/dataSources") == 1
    sources = {one.kind: one for one in session.scalars(select(Source))}
    assert set(sources) == {SourceKind.WATCH, SourceKind.PHONE, SourceKind.CLOUD}
    devices = {device.kind.value: device for device in make_person(1, 3).devices}
    for kind in (SourceKind.WATCH, SourceKind.PHONE):
        assert sources[kind].model == devices[kind].model
        assert sources[kind].manufacturer == devices[kind].manufacturer
    rows = session.execute(select(SlotDay.metric, SlotDay.source).distinct())
    merged = {Metric(metric) for metric, source in rows if source == "google_fit"}
    assert merged == {Metric.CALORIES}


@pytest.mark.usefixtures("app")
def test_a_device_that_google_no_longer_reads_is_done_without(
    session: Session, outside: Outside
) -> None:
    walker = outside.connected(BOTH)
    outside.ask(walker)
    pull()
    body = {"kind": "status", "body": "datasource_not_readable", "count": 2}
    outside.fault(f"{FIT}/dataset:aggregate", **body)
    outside.ask(walker)
    pull()
    check_books_agree(session, outside, BOTH, walker)
    assert set(by_source(session, walker)) == {"google_fit"}
    with clock.moved(LIST_AGAIN_AFTER):
        outside.ask(walker)
        pull()
    check_books_agree(session, outside, BOTH, walker)
    assert "google_fit" not in by_source(session, walker)


@pytest.mark.usefixtures("app")
def test_the_constructed_day_comes_out_through_google_fit(
    session: Session, outside: Outside, factory: Factory
) -> None:
    """A wearable counts 2,506 and a phone 1,919, of which 54 are its alone: 2,560 were walked."""
    person = make_person(1, 3)
    yesterday = clock.now().astimezone(person.zone).date() - timedelta(days=1)
    night = datetime.combine(yesterday, time(1), person.zone)
    walker = outside.connected(BOTH)
    competition = factory.competition(
        starts_at=night,
        ends_at=night + timedelta(hours=3),
        timezone=person.timezone,
        grace_hours=48,
    )
    factory.participant(competition, walker)

    def walk(device: str, steps: int, at: datetime, minutes: int) -> None:
        outside.control(
            "POST",
            f"/people/{BOTH}/walk",
            device=device,
            steps=steps,
            minutes=minutes,
            **{"from": at.isoformat()},
        )

    walk("watch", 2506, night, 60)
    walk("phone", 1919 - 54, night + timedelta(minutes=7), 40)
    walk("phone", 54, night + timedelta(minutes=90), 10)
    outside.ask(walker)
    pull()
    assert session.get_one(Participant, (competition.id, walker.id)).score == 2560
    check_books_agree(session, outside, BOTH, walker)


def test_streams_of_devices_are_remembered(engine: Engine, outside: Outside, app: object) -> None:
    walker = outside.connected(BOTH)
    outside.ask(walker)
    pull()
    outside.ask(walker)
    pull()
    assert outside.calls(f"{FIT}/dataSources") == 1
    with unit_of_work(engine) as unit:
        connection = unit.session.scalars(select(FitnessConnection)).one()
        kinds = {one["device"]["kind"] for one in connection.device_streams}
        assert (len(connection.device_streams), kinds) == (8, {"phone", "watch"})
