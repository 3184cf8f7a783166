"""A score with flags is that of the data without what they bar, whatever happens in between."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain import clock
from domain.locks import lock_for_data
from domain.scoring.plausibility import CEILINGS, SourceSlots, judge
from domain.scoring.review import review_participant
from models import SlotDay, Source
from models.flag import Decision
from models.slots import Metric
from models.source import SourceKind
from tests.devices import SLOTS, Device, recount
from tests.factories import Factory
from tests.integration.scoring.flagged import Contest
from tests.rules import ON_SERVERS
from worker.unit import unit_of_work

CEILING = CEILINGS[Metric.STEPS].slot // 1000
DAYS = 2

kinds = {"watch": SourceKind.WATCH, "band": SourceKind.BAND, "phone": SourceKind.PHONE}
values = st.one_of(st.integers(0, 120), st.integers(1500, 2 * CEILING))
days_of_data = st.one_of(
    st.dictionaries(st.integers(30, 37), values, max_size=8),
    st.builds(lambda each: dict.fromkeys(range(SLOTS), each), st.integers(1400, 1600)),
)
writes = st.tuples(
    st.just("write"), st.sampled_from(sorted(kinds)), st.integers(0, DAYS - 1), days_of_data
)
decisions = st.tuples(
    st.just("decide"),
    st.integers(0, 9),
    st.sampled_from([Decision.ACCEPTED, Decision.REJECTED]),
)


def doubted(rows: list[tuple[SlotDay, Source]]) -> dict[tuple[str, int, Any], int]:
    """Judge what stands anew: by source, slot number and reason, what a doubted slot holds."""
    day = [
        SourceSlots(source.key, source.kind, slot_day.slot_class, slot_day.slots)
        for slot_day, source in rows
    ]
    return {
        (doubt.source, number, doubt.reason): value
        for doubt in judge(Metric.STEPS, day)
        for number, value in doubt.slots.items()
    }


def expected(session: Session, contest: Contest) -> int:
    """Read the rule word for word: doubted slots count only as far as they were accepted."""
    joined = session.query(SlotDay, Source).join(
        Source, (Source.person_id == SlotDay.person_id) & (Source.key == SlotDay.source)
    )
    rows = [(row[0], row[1]) for row in joined.filter(SlotDay.person_id == contest.person.id)]
    accepted = contest.flags(Decision.ACCEPTED)
    total = 0
    for date in {row.day for row, _ in rows}:
        on_day = [pair for pair in rows if pair[0].day == date]
        barred = {
            (source, number)
            for (source, number, reason), value in doubted(on_day).items()
            if not any(
                (flag.source, flag.day, flag.reason) == (source, date, reason)
                and value <= (flag.slots[number] or 0)
                for flag in accepted
            )
        }
        believed = sorted(on_day, key=lambda pair: list(SourceKind).index(pair[1].kind))
        for number in range(SLOTS):
            held = (
                row.slots[number] or 0
                for row, source in believed
                if (source.key, number) not in barred
            )
            total += next((value for value in held if value), 0)
    return total // 1000


@ON_SERVERS
@given(steps=st.lists(st.one_of(writes, writes, decisions), min_size=1, max_size=6))
def test_a_score_is_that_of_the_data_without_what_is_barred(
    engine: Engine, session: Session, factory: Factory, steps: list[Any]
) -> None:
    organiser, person = factory.people(2)
    competition = factory.competition(organiser)
    factory.participant(competition, person)
    contest = Contest(engine, session, organiser, person, competition)
    for kind, *what in steps:
        if kind == "write":
            key, day, held = what
            contest.store((key, Device(kinds[key], held)), day=day)
        elif flags := contest.flags():
            contest.decide(flags[what[0] % len(flags)], what[1])
        assert contest.score() == expected(session, contest)
        assert recount(session, competition.id) == []
        before = [(flag.id, flag.slots) for flag in contest.flags()]
        with unit_of_work(engine) as unit:
            lock_for_data(unit.session, [person.id], clock.now())
            review_participant(unit.session, competition.id, person.id, Metric.STEPS, clock.now())
        assert [(flag.id, flag.slots) for flag in contest.flags()] == before
