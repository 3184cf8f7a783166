"""Before a freeze shared devices are looked for once more, in the data of the cut-off."""

from datetime import timedelta

import pytest

from domain import clock
from domain.competitions import life as steps
from domain.locks import alone_at, lock_for_data
from domain.scoring import shared_devices as sharing
from models import DeviceLook, Person
from models.flag import Decision, FlagReason
from tests.integration.competitions.conftest import Life
from tests.integration.competitions.contested import END, HOUR, Doubted
from tests.integration.fitness.phone import Phone, at
from worker.unit import unit_of_work

DAY = {number: 900 + 7 * number for number in range(30, 30 + sharing.EQUAL_SLOTS)}
ALIKE = sum(DAY.values())


@pytest.fixture
def contest(life: Life) -> Doubted:
    """A contest past its cut-off, searched an hour before it."""
    made = Doubted(life)
    made.measure(made.person, {**DAY, 60: 100}, hours=2)
    made.session.add(DeviceLook(competition_id=made.competition.id, looked_at=END + 5 * HOUR))
    made.session.commit()
    return made


@pytest.fixture
def other(contest: Doubted) -> Person:
    """Someone whose data comes after that look, from the same device."""
    person = contest.joined(contest.competition)
    contest.measure(person, {**DAY, 61: 50}, hours=5.5)
    return person


def scores(contest: Doubted) -> list[int]:
    (rows,) = contest.versions()
    assert rows == contest.ranking()
    return [row[2] for row in rows]


def test_one_device_under_two_accounts_does_not_slip_through(
    contest: Doubted, other: Person
) -> None:
    contest.life.sweep()
    assert scores(contest) == [100, 50]
    assert {flag.reason for flag in contest.flags()} == {FlagReason.SHARED_DEVICE}
    contest.life.sweep()
    assert len(contest.flags()) == 2
    contest.decide(contest.flag_of(other), Decision.ACCEPTED)
    contest.life.sweep()
    assert [row[2] for row in contest.versions()[1]] == [ALIKE + 50, 100]


def test_later_data_neither_hides_nor_makes_a_pair(contest: Doubted, other: Person) -> None:
    third = contest.joined(contest.competition)
    contest.measure(other, {20: 7}, hours=7)
    contest.measure(third, DAY, hours=7)
    contest.life.sweep()
    assert scores(contest) == [100, 50, 0]
    assert sorted(flag.person_id for flag in contest.flags()) == [contest.person.id, other.id]


def test_what_was_deleted_late_is_looked_at_too(life: Life) -> None:
    contest = Doubted(life)
    people = [contest.joined(contest.competition) for _ in range(2)]
    for person in people:
        phone = Phone(contest.engine, person)
        records = [at(15 * number, value=value) for number, value in DAY.items()]
        phone.upload(*records, now=END + HOUR)
        phone.upload(deletions=[one.id for one in records], now=END + 7 * HOUR)
    life.sweep()
    assert scores(contest) == [700, 0, 0]
    assert len(contest.flags()) == 3


def test_a_usual_look_past_the_cut_off_leaves_nothing_to_the_last(
    contest: Doubted, other: Person
) -> None:
    contest.measure(other, {20: 7}, hours=7)
    contest.life.app.tasks["flags.compare_devices"]()
    contest.life.sweep()
    assert scores(contest) == [100, 50]


def test_who_looked_at_the_clock_before_it_was_shut_is_late(contest: Doubted) -> None:
    competition = contest.competition
    before = competition.cutoff_at - timedelta(seconds=1)
    with unit_of_work(contest.engine) as unit:
        assert steps.shut(unit.session, competition.id, before) is None
    with unit_of_work(contest.engine) as unit:
        assert lock_for_data(unit.session, [contest.person.id], before).open == [competition.id]
    shut_at = clock.now()
    for later in range(2):
        with unit_of_work(contest.engine) as unit:
            since = steps.shut(unit.session, competition.id, shut_at + later * HOUR)
        assert since == shut_at
    with unit_of_work(contest.engine) as unit:
        locked = lock_for_data(unit.session, [contest.person.id], before)
    assert (locked.open, locked.closed) == ([], [competition.id])
    assert locked.at == competition.cutoff_at


def test_a_look_that_ended_half_way_is_taken_again_before_the_freeze(
    contest: Doubted, other: Person
) -> None:
    with unit_of_work(contest.engine) as unit:
        assert steps.shut(unit.session, contest.competition.id, clock.now())
        look = sharing.last_look(unit.session, contest.competition.id)
    assert look is not None
    (day,) = sharing.days_written(contest.session, look)
    both = sharing.suspects(contest.session, look, day)
    contest.session.rollback()
    with unit_of_work(contest.engine) as unit:
        sharing.flag_shared(unit.session, look, day, both[:1], both, clock.now())
    contest.life.sweep()
    assert scores(contest) == [100, 50]


def test_a_freeze_waits_for_who_looks_already_but_not_for_ever(
    contest: Doubted, other: Person
) -> None:
    competition = contest.competition
    with alone_at(contest.engine, f"look:{competition.id}") as alone:
        assert alone
        contest.life.sweep()
        assert contest.life.status(competition) == "closing"
        with clock.moved(2 * HOUR):
            contest.life.sweep()
        assert contest.life.status(competition) == "provisional"
    assert scores(contest) == [ALIKE + 100, ALIKE + 50]


def test_the_next_one_looks_when_the_first_is_done(contest: Doubted, other: Person) -> None:
    with alone_at(contest.engine, f"look:{contest.competition.id}"):
        contest.life.sweep()
        assert contest.versions() == []
    contest.life.sweep()
    assert scores(contest) == [100, 50]
