"""Several sources of one day: the score is what a plain reading of the rule says."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain.scoring.explain import explain
from models import Competition, Participant, Person, ScoreDay, SourceOrder
from models.competition import Scoring, Sources
from models.source import SourceKind
from tests.devices import SLOTS, Device, store
from tests.factories import START, Factory
from tests.rules import ON_SERVERS
from tests.scores import recompute_everyone

KINDS = list(SourceKind)


def in_order(devices: list[tuple[str, Device]], order: list[str]) -> list[tuple[str, Device]]:
    """Return the devices, the first believed first."""
    by_age = {key: age for age, (key, _) in enumerate(devices)}

    def rank(item: tuple[str, Device]) -> tuple[int, int, int]:
        key, device = item
        own = order.index(key) if key in order else len(order)
        return own, KINDS.index(device.kind), -by_age[key]

    return sorted(devices, key=rank)


def expected(devices: list[tuple[str, Device]], order: list[str], *, everything: bool) -> int:
    """Read the rule word for word, slot by slot."""
    believed = in_order(devices, order)

    def merged(kinds: list[str]) -> int:
        streams = [(device, getattr(device, kind)) for kind in kinds for _, device in believed]
        has_fine = any(not device.coarse and any(values.values()) for device, values in streams)
        counted = [values for device, values in streams if not (device.coarse and has_fine)]
        return sum(
            next((values[slot] for values in counted if values.get(slot, 0)), 0)
            for slot in range(SLOTS)
        )

    if not everything:
        return merged(["measured"])
    return merged(["measured", "unknown"]) + merged(["manual"])


def score_of(session: Session, competition: Competition, person: Person) -> int:
    session.expire_all()
    return session.get_one(Participant, (competition.id, person.id)).score


# Below what would be implausible, also for two watches on one wrist.
slot_values = st.dictionaries(st.integers(0, SLOTS - 1), st.integers(0, 1499), max_size=8)
devices_of = st.lists(
    st.builds(
        Device,
        kind=st.sampled_from(KINDS),
        measured=slot_values,
        manual=slot_values,
        unknown=slot_values,
        coarse=st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


@ON_SERVERS
@given(found=devices_of, data=st.data())
def test_the_score_is_what_the_rule_says(
    engine: Engine, session: Session, factory: Factory, found: list[Device], data: st.DataObject
) -> None:
    person = factory.person()
    keyed = [(f"device-{number}", device) for number, device in enumerate(found)]
    order = data.draw(st.permutations([key for key, _ in keyed]), "own order")
    order = order[: data.draw(st.integers(0, len(order)), "how many of them")]
    if order:
        session.add(SourceOrder(person_id=person.id, ordered_at=START, keys=order))
        session.commit()
    measured = factory.competition()
    everything = factory.competition(sources=Sources.ALL)
    for competition in (measured, everything):
        factory.participant(competition, person)
    store(engine, person, keyed)

    assert score_of(session, measured, person) == expected(keyed, order, everything=False)
    assert score_of(session, everything, person) == expected(keyed, order, everything=True)
    for competition in (measured, everything):
        assert recompute_everyone(session, competition.id) == 0
        session.rollback()
    believed = [device for _, device in in_order(keyed, order) if not device.coarse]
    fine = [sum(device.measured.values()) for device in believed]
    if any(fine):
        best = next(filter(None, fine))
        assert best <= score_of(session, measured, person) <= sum(fine)
    for competition in (measured, everything):
        check_explained(session, competition, person)


def check_explained(session: Session, competition: Competition, person: Person) -> None:
    """The day of an explanation is what its sources count, and the score."""
    found = explain(session, competition.id, person.user_id)
    session.rollback()
    for day in found.days:
        assert sum(part.counted for part in day.parts) == day.counted
    assert sum(day.counted for day in found.days) == found.participant.score * 1000


def spread(total: int, slots: range) -> dict[int, int]:
    """Share a total over slots, the rest in the first."""
    each, rest = divmod(total, len(slots))
    return {slot: each + (rest if slot == slots.start else 0) for slot in slots}


@pytest.mark.parametrize("first", ["watch", "phone"])
def test_a_wearable_and_a_phone_that_overlap(
    engine: Engine, session: Session, factory: Factory, first: str
) -> None:
    """A wearable counted 2,506 and a phone 1,919; 54 of the phone's steps were its alone."""
    wearable = Device(SourceKind.WATCH, spread(2506, range(32, 72)))
    phone = Device(
        SourceKind.PHONE, spread(1919 - 54, range(40, 60)) | spread(54, range(80, 84)), {}, {}
    )
    devices = [("watch", wearable), ("phone", phone)]
    person, competition = factory.person(), factory.competition()
    factory.participant(competition, person)
    store(engine, person, devices if first == "watch" else devices[::-1])
    assert score_of(session, competition, person) == 2560


def test_what_is_typed_by_hand_is_not_measured(
    engine: Engine, session: Session, factory: Factory
) -> None:
    person, competition = factory.person(), factory.competition()
    factory.participant(competition, person)
    store(engine, person, [("phone", Device(SourceKind.PHONE, manual={40: 2560}))])
    assert score_of(session, competition, person) == 0
    day = session.get_one(ScoreDay, (competition.id, person.id, START.date()))
    assert day.drops == {"manual": 2_560_000}


def test_a_new_order_counts_from_the_next_competition_on(
    engine: Engine, session: Session, factory: Factory
) -> None:
    person = factory.person()
    watch = Device(SourceKind.WATCH, {40: 100})
    phone = Device(SourceKind.PHONE, {40: 70})
    before = factory.competition(starts_at=START)
    after = factory.competition(starts_at=START + timedelta(hours=5))
    for competition in (before, after):
        factory.participant(competition, person)
    session.add(
        SourceOrder(person_id=person.id, ordered_at=START + timedelta(hours=1), keys=["phone"])
    )
    session.commit()
    store(engine, person, [("watch", watch), ("phone", phone)])
    assert score_of(session, before, person) == 100
    assert score_of(session, after, person) == 70


@pytest.mark.parametrize(
    ("scoring", "goal", "score"),
    [(Scoring.TOTAL, None, 180), (Scoring.BEST_DAY, None, 100), (Scoring.GOAL_DAYS, 80, 2)],
)
def test_days_make_a_score_in_three_ways(
    engine: Engine,
    session: Session,
    factory: Factory,
    scoring: Scoring,
    goal: int | None,
    score: int,
) -> None:
    person = factory.person()
    competition = factory.competition(scoring=scoring, goal=goal)
    factory.participant(competition, person)
    for day, value in enumerate((100, 80)):
        store(engine, person, [("x", Device(SourceKind.PHONE, {0: value}))], day=day)
    assert score_of(session, competition, person) == score
