"""Searches for shared devices that are killed anywhere: the next finds what the rule says."""

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from domain import clock
from domain.scoring import shared_devices as sharing
from models import Competition, Flag
from models.competition import CompetitionStatus
from models.source import SourceKind
from tests.devices import Device, recount, store
from tests.dying import Step, dies, watch
from tests.factories import START, Factory
from tests.integration.scoring.flagged import held
from tests.rules import ON_SERVERS
from worker.resources import PodiumCelery

COMPARE = "flags.compare_devices"
TELLING = 100
"""Steps; see `shared_devices.TELLING`."""
WALKS = [{30 + n: 900 + step * n for n in range(11)} for step in (7, 11)]
"""What two devices counted: eleven slots, the last two the highest."""
SOURCES = ["one", "two"]
MOST_STEPS = 45
"""A search of two days has about so many."""

walked = st.builds(
    lambda walk, gone, more: {n: v + more * (n == 40) for n, v in walk.items() if n not in gone},
    st.sampled_from(WALKS),
    st.sets(st.integers(28, 42), max_size=5),
    st.sampled_from([0, 0, 0, 1]),
)
written = st.dictionaries(
    st.tuples(st.integers(0, 2), st.sampled_from(SOURCES), st.integers(0, 1)), walked, max_size=6
)
"""By person, source and day."""

Stored = dict[tuple[int, str, int], dict[int, int]]
Found = dict[tuple[int, str, date], dict[int, int]]


def peaks(values: Mapping[int, int]) -> list[tuple[int, int]]:
    """Return the two highest slots that tell devices apart."""
    telling = [(number, value) for number, value in values.items() if value >= TELLING]
    return sorted(sorted(telling, key=lambda slot: (-slot[1], slot[0]))[:2])


def expected(stored: Stored) -> Found:
    """Read the rule word for word: whom it doubts, and the slots that are the same."""
    found: Found = {}
    ordered = sorted(stored.items(), key=lambda one: (one[0][2], peaks(one[1]), one[0]))
    for (day, top), streams in groupby(ordered, lambda one: (one[0][2], peaks(one[1]))):
        group = list(streams) if len(top) == 2 else []
        for (person, source, _), values in group:
            others = [theirs for (other, _, _), theirs in group if other != person]
            same = {n: v for n, v in values.items() if others and others[0].get(n) == v}
            if sum(value >= TELLING for value in same.values()) >= sharing.EQUAL_SLOTS:
                found[person, source, START.date() + timedelta(days=day)] = same
    return found


def flagged(session: Session, competition: Competition) -> Found:
    session.rollback()
    session.expire_all()
    flags = session.scalars(select(Flag).where(Flag.competition_id == competition.id)).all()
    found = {(one.person_id, one.source, one.day): held(one) for one in flags}
    assert len(found) == len(flags), "one doubt of each source's day"
    return found


@settings(ON_SERVERS, max_examples=ON_SERVERS.max_examples // 3)
@example(steps=[({(0, "one", 0): WALKS[0], (1, "two", 0): WALKS[0]}, 20)])
@given(steps=st.lists(st.tuples(written, st.integers(1, MOST_STEPS)), min_size=1, max_size=2))
def test_a_search_killed_anywhere_is_made_up_for(
    engine: Engine,
    session: Session,
    factory: Factory,
    worker_app: PodiumCelery,
    steps: list[tuple[dict[tuple[int, str, int], dict[int, int]], int]],
) -> None:
    competition, people = factory.competition(), factory.people(3)
    for person in people:
        factory.participant(competition, person)
    session.commit()

    def search(step: Step) -> None:
        worker_app.resources.engine.dispose(close=False)  # the parent's connections stay its own
        watch(worker_app.resources.engine, step)
        worker_app.tasks[COMPARE]()

    stored: Stored = {}
    for news, step in steps:
        for (number, source, day), values in news.items():
            device: Any = (source, Device(SourceKind.PHONE, values))
            store(engine, people[number], [device], day=day)
            stored[people[number].id, source, day] = values
        dies(step, search)
    with clock.moved(sharing.EVERY):
        worker_app.tasks[COMPARE].apply(throw=True)
    assert flagged(session, competition) == expected(stored)
    assert recount(session, competition.id) == []
    session.rollback()
    # The next example's searches need not look at it.
    competition.status = CompetitionStatus.CANCELLED
    session.commit()
