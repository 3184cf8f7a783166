"""Uploads of records: what stands, what is spread, and writers that meet."""

import random
import uuid
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from domain import clock
from domain.fitness.uploads import upload
from models import BoardDirty, Person, Record, SlotDay, Source
from models.competition import Sources
from models.record import Platform
from models.slots import Metric, SlotClass
from tests.factories import START, Factory
from tests.integration.fitness.conftest import Fetch, Pulls
from tests.integration.fitness.phone import (
    PHONE,
    WATCH,
    Phone,
    Sent,
    at,
    slots_of_records,
    stored_slots,
    total,
)
from tests.integration.fitness.test_ingest import (
    check_full_recomputation_agrees,
    score_of,
    side_by_side,
)
from tests.rules import ON_SERVERS
from worker.unit import unit_of_work

LATER = [f"2026-11-2{n}T08:00:00Z" for n in range(10)]


@pytest.fixture
def person(factory: Factory) -> Person:
    return factory.person()


@pytest.fixture
def phone(engine: Engine, person: Person) -> Phone:
    return Phone(engine, person)


def test_an_upload_becomes_slots_a_score_and_a_mark(
    session: Session, factory: Factory, phone: Phone, person: Person
) -> None:
    competition = factory.competition()
    factory.participant(competition, person)
    done = phone.upload(at(0, value=812), at(10, 20, value=101.5))
    assert [one.status for one in done.results] == ["inserted", "inserted"]
    assert (done.deleted, done.scores_changed) == (0, 1)
    (slots,) = stored_slots(session).values()
    assert slots == {0: 812_000 + 25_375, 1: 76_125}
    assert score_of(session, competition, person) == 913
    assert session.scalars(select(BoardDirty.person_id)).all() == [person.id]


def test_the_same_upload_again_writes_nothing(
    engine: Engine, factory: Factory, phone: Phone, person: Person
) -> None:
    factory.participant(factory.competition(), person)
    sent = [at(n, 1, version=n % 2 or None) for n in range(50)]
    gone = [str(uuid.uuid4())]
    phone.upload(*sent, deletions=gone)
    with unit_of_work(engine) as unit:
        again = upload(unit.session, person.id, phone.provider, sent, gone, clock.now())
        # PostgreSQL gives a transaction an id when it first writes or locks a row.
        assert unit.session.scalar(text("SELECT pg_current_xact_id_if_assigned()")) is None
    assert {one.status for one in again.results} == {"unchanged"}
    assert (again.deleted, again.scores_changed) == (0, 0)


def test_a_record_over_midnight_belongs_to_both_days(session: Session, phone: Phone) -> None:
    phone.upload(at(24 * 60 - 15, 30, value=0.003))
    slots = {key[3]: held for key, held in stored_slots(session).items()}
    assert slots == {START.date(): {95: 2}, START.date() + timedelta(days=1): {0: 1}}


def test_a_class_of_a_day_does_not_empty_the_others(session: Session, phone: Phone) -> None:
    phone.send(at(0, recording_method="manual", value=5))
    phone.send(at(20, recording_method="unknown", value=6))
    phone.send(at(40, recording_method="active", value=7))
    phone.send(at(60, value=8))
    classes = (SlotClass.MANUAL, SlotClass.UNKNOWN, SlotClass.MEASURED)
    assert [total(session, one) for one in classes] == [5000, 6000, 15_000]


def test_what_was_typed_in_counts_only_where_all_sources_do(
    session: Session, factory: Factory, phone: Phone, person: Person
) -> None:
    strict, lax = factory.competition(), factory.competition(sources=Sources.ALL)
    for competition in (strict, lax):
        factory.participant(competition, person)
    phone.send(at(0, recording_method="manual", value=5))
    assert (score_of(session, strict, person), score_of(session, lax, person)) == (0, 5)


def test_a_correction_leaves_its_old_place(session: Session, phone: Phone) -> None:
    sent = at(0, value=100, version=1)
    phone.send(sent)
    moved = at(24 * 60 - 5, id=sent.id, value=70, version=2, metric="distance")
    assert phone.send(moved) == ["updated"]
    assert stored_slots(session) == slots_of_records(session)
    assert {key[1] for key in stored_slots(session)} == {Metric.DISTANCE}
    assert total(session) == 70_000


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [
        ({}, {}, "unchanged"),
        ({}, {"value": 7}, "immutable_record"),
        ({}, {"value": 7, "version": 1}, "immutable_record"),
        ({}, {"version": 1}, "unchanged"),
        ({"version": 1}, {"value": 7}, "immutable_record"),
        ({"version": 1}, {"value": 7, "version": 1}, "unchanged"),
        ({"version": 1}, {"value": 7, "version": 0}, "unchanged"),
        ({"version": 1}, {"value": 7, "version": 2}, "updated"),
        ({"version": 1}, {"version": 2}, "updated"),
        ({"version": 1}, {"value": 7, "last_modified": LATER[9]}, "unchanged"),
        ({"last_modified": LATER[1]}, {"value": 7, "version": 0}, "updated"),
        ({"version": 1}, {"value": 7, "version": 1, "last_modified": LATER[0]}, "updated"),
        ({"last_modified": LATER[1]}, {"value": 7, "last_modified": LATER[1]}, "unchanged"),
        ({"last_modified": LATER[1]}, {"value": 7, "last_modified": LATER[2]}, "updated"),
        (
            {"version": 1, "last_modified": LATER[1]},
            {"version": 2, "last_modified": LATER[0], "value": 7},
            "updated",
        ),
    ],
)
def test_the_newer_one_stands(
    session: Session, phone: Phone, first: Any, second: Any, answer: str
) -> None:
    sent = Sent(**first)
    phone.send(sent)
    assert phone.send(sent.but(**{"version": None, "last_modified": None, **second})) == [answer]
    changed = answer == "updated" and "value" in second
    assert total(session) == (7000 if changed else 100_000)


def test_records_under_one_id_in_one_upload_are_judged_in_turn(
    session: Session, phone: Phone
) -> None:
    sent = Sent(version=1)
    words = phone.send(sent, sent.but(value=5, version=3), sent.but(value=6, version=2), sent)
    assert words == ["inserted", "updated", "unchanged", "unchanged"]
    assert total(session) == 5000


def test_an_id_is_the_same_in_capitals(session: Session, phone: Phone) -> None:
    sent = Sent()
    phone.send(sent)
    (again,) = phone.upload(sent.but(id=sent.id.upper())).results
    assert (again.id, again.status) == (sent.id.upper(), "unchanged")
    assert phone.upload(deletions=[sent.id.upper()]).deleted == 1


def test_each_platform_has_ids_of_its_own(session: Session, engine: Engine, phone: Phone) -> None:
    sent = Sent()
    phone.send(sent)
    other = Phone(engine, phone.person, Platform.HEALTHKIT)
    assert other.upload(deletions=[sent.id]).deleted == 0
    assert phone.send(sent) == ["unchanged"]


def test_a_deletion_is_for_good(session: Session, phone: Phone) -> None:
    kept, gone = at(0, version=1), at(10, version=1, recording_method="manual")
    phone.send(kept, gone)
    assert phone.upload(deletions=[gone.id]).deleted == 1
    assert phone.upload(deletions=[gone.id]).deleted == 0
    assert phone.send(gone.but(version=9)) == ["deleted_record"]
    assert (total(session), total(session, SlotClass.MANUAL)) == (100_000, 0)
    assert session.scalars(select(SlotDay.slot_class)).all() == [SlotClass.MEASURED]


def test_a_deletion_may_come_before_its_record(session: Session, phone: Phone) -> None:
    sent = Sent(version=1)
    assert phone.upload(deletions=[sent.id]).deleted == 0
    assert phone.send(sent) == ["deleted_record"]
    row = session.scalars(select(Record)).one()
    assert (row.deleted, row.metric, row.source) == (True, None, None)
    assert stored_slots(session) == {}
    assert session.scalars(select(Source)).all() == []


def test_who_is_sent_and_deleted_at_once_is_deleted(session: Session, phone: Phone) -> None:
    new, known = Sent(), Sent()
    phone.send(known)
    done = phone.upload(new, known, deletions=[new.id, known.id, known.id])
    assert [one.code for one in done.results] == ["deleted_record"] * 2
    assert done.deleted == 1
    assert total(session) == 0


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[Sent, bool]]:
    """Draw versions of a few records, and which of them are deletions."""
    ids = [str(uuid.UUID(int=n)) for n in range(4)]
    found = []
    for id_ in ids:
        versions = draw(st.lists(st.integers(0, 5), unique=True, min_size=1, max_size=3))
        for version in versions:
            sent = at(
                draw(st.integers(-2000, 2000)),
                draw(st.sampled_from([0, 1, 7, 15, 61, 1000])),
                id=id_,
                version=version,
                value=draw(st.integers(0, 10**6)) / 1000,
                metric=draw(st.sampled_from(["steps", "distance"])),
                device=draw(st.sampled_from([PHONE, WATCH])),
                recording_method=draw(st.sampled_from(["automatic", "manual", "unknown"])),
            )
            found.append((sent, False))
        if draw(st.booleans()):
            found.append((sent, True))
    return found


@ON_SERVERS
@given(histories(), st.randoms(use_true_random=False), st.integers(1, 4))
def test_the_order_of_arrival_does_not_matter(
    session: Session,
    engine: Engine,
    factory: Factory,
    history: list[tuple[Sent, bool]],
    chance: random.Random,
    pieces: int,
) -> None:
    """Whatever the order, the grouping and the repeats: the same slots, scores and records."""
    competition = factory.competition(starts_at=START - timedelta(days=3), sources=Sources.ALL)
    outcomes, scores = [], []
    for _ in range(2):
        person = factory.person()
        factory.participant(competition, person)
        phone = Phone(engine, person)
        order = chance.sample(history, len(history)) + chance.sample(history, pieces)
        for n in range(pieces):
            part = order[n::pieces]
            phone.upload(
                *(sent for sent, gone in part if not gone),
                deletions=[sent.id for sent, gone in part if gone],
            )
        mine = {k[1:]: v for k, v in stored_slots(session).items() if k[0] == person.id}
        outcomes.append(mine)
        scores.append(score_of(session, competition, person))
    assert stored_slots(session) == slots_of_records(session)
    assert outcomes[0] == outcomes[1]
    assert scores[0] == scores[1]
    check_full_recomputation_agrees(session, competition)


def test_uploads_of_one_person_at_once_take_turns(
    session: Session, factory: Factory, engine: Engine, phone: Phone, person: Person
) -> None:
    competition = factory.competition()
    factory.participant(competition, person)
    shared = [at(n * 5, 7, version=1) for n in range(40)]

    def sends(seed: int) -> None:
        chance = random.Random(seed)
        for turn in range(8):
            some = [one.but(version=turn, value=turn) for one in chance.sample(shared, 30)]
            gone = [one.id for one in shared[:5]] if (seed, turn) == (1, 4) else []
            phone.upload(*some, Sent(value=seed), deletions=gone)

    side_by_side(*(lambda seed=seed: sends(seed) for seed in range(4)))
    assert stored_slots(session) == slots_of_records(session)
    session.rollback()
    assert score_of(session, competition, person) == total(session) // 1000
    check_full_recomputation_agrees(session, competition)


def test_an_upload_and_a_pull_of_one_person_meet(
    session: Session, factory: Factory, pulls: Pulls, phone: Phone, person: Person
) -> None:
    competition = factory.competition()
    factory.participant(competition, person)
    pulls.connect(person)

    def uploads() -> None:
        for n in range(12):
            phone.upload(at(n, 1, value=10, device=WATCH), now=clock.now())

    def pulled() -> None:
        for turn in range(6):
            pulls.sync(person, Fetch({40: turn + 1}))

    side_by_side(uploads, pulled)
    by_source = {key[2].partition("/")[0]: held for key, held in stored_slots(session).items()}
    assert by_source == {"google_fit": {40: 6000}, "health_connect": {0: 120_000}}
    check_full_recomputation_agrees(session, competition)
