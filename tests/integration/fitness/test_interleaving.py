"""A phone and the pulls of one person: in whatever order they come, the totals are the same."""

import random
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.competition import Sources
from tests.factories import START, Factory
from tests.integration.fitness.conftest import Fetch, Pulls
from tests.integration.fitness.phone import PHONE, WATCH, Phone, Sent, at, stored_slots
from tests.integration.fitness.test_ingest import check_full_recomputation_agrees, score_of
from tests.rules import ON_SERVERS

STEPS = st.integers(1, 400)

records = st.builds(
    at,
    st.integers(0, 600),
    st.sampled_from([1, 15, 40]),
    value=STEPS,
    device=st.sampled_from([PHONE, WATCH]),
    recording_method=st.sampled_from(["automatic", "manual", "unknown"]),
)
uploads = st.lists(st.lists(records, min_size=1, max_size=4), max_size=4)
values = st.dictionaries(st.integers(0, 47), STEPS, max_size=6)
pulled = st.lists(
    st.builds(
        lambda measured, manual, slots: Fetch(measured, manual, slots=slots),
        values,
        values,
        st.sampled_from([24, 48]),
    ),
    max_size=3,
)


@settings(ON_SERVERS, max_examples=ON_SERVERS.max_examples // 3)
@given(sent=uploads, fetched=pulled, chance=st.randoms(use_true_random=False))
def test_any_interleaving_gives_the_same(
    session: Session,
    engine: Engine,
    factory: Factory,
    pulls: Pulls,
    sent: list[list[Sent]],
    fetched: list[Fetch],
    chance: random.Random,
) -> None:
    """Each writer in an order of its own; some uploads come twice, and the last pull does."""
    competition = factory.competition(starts_at=START - timedelta(days=1), sources=Sources.ALL)
    outcomes = []
    for _ in range(2):
        person = factory.person()
        pulls.connect(person)
        factory.participant(competition, person)
        phone, coming, due = Phone(engine, person), [*sent, *sent[:1]], [*fetched, *fetched[-1:]]
        while coming or due:
            if chance.random() < len(coming) / (len(coming) + len(due)):
                phone.upload(*coming.pop(0))
            else:
                pulls.sync(person, due.pop(0))
        mine = {key[1:]: held for key, held in stored_slots(session).items() if key[0] == person.id}
        outcomes.append((mine, score_of(session, competition, person)))
    assert outcomes[0] == outcomes[1]
    check_full_recomputation_agrees(session, competition)
