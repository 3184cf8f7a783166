"""Writing batches: replaced windows, lost leases, scores, and writers that meet."""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from psycopg.errors import DeadlockDetected
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions.joining import join
from domain.fitness.queue import Claim
from domain.fitness.windows import QUARTER
from models import BoardDirty, Competition, FitnessConnection, Participant, Person, SyncRequest
from models.competition import CompetitionStatus, Sources
from models.slots import Metric, SlotClass, SlotDay
from models.sync import SyncStatus
from tests.factories import START, Factory
from tests.integration.fitness.conftest import Fetch, Pulls
from tests.scores import recompute_everyone
from worker.unit import unit_of_work


def score_of(session: Session, competition: Competition, person: Person) -> int:
    session.expire_all()
    return session.get_one(Participant, (competition.id, person.id)).score


def slots_of(session: Session, slot_class: SlotClass) -> list[int | None] | None:
    session.expire_all()
    return session.scalar(select(SlotDay.slots).where(SlotDay.slot_class == slot_class))


@pytest.fixture
def person(factory: Factory, pulls: Pulls) -> Person:
    made = factory.person()
    pulls.connect(made)
    return made


def test_a_sync_becomes_slots_a_score_and_a_mark(
    session: Session, factory: Factory, pulls: Pulls, person: Person
) -> None:
    competition = factory.competition()
    factory.participant(competition, person)
    written = pulls.sync(person, Fetch({0: 100, 95: 23}, {5: 900}))

    sync = session.get_one(SyncRequest, written.sync_ids[0])
    assert (sync.status, sync.slots_received, sync.slots_changed) == (SyncStatus.SUCCEEDED, 3, 3)
    assert (sync.window_from, sync.window_to) == (START, START + timedelta(days=1))
    measured = slots_of(session, SlotClass.MEASURED)
    assert measured is not None
    assert (measured[0], measured[1], measured[95]) == (100_000, 0, 23_000)
    assert score_of(session, competition, person) == 123
    assert session.scalars(select(BoardDirty.person_id)).all() == [person.id]


def test_the_same_answer_writes_nothing(
    session: Session, factory: Factory, pulls: Pulls, person: Person
) -> None:
    factory.participant(factory.competition(), person)
    pulls.sync(person, Fetch({0: 100}, {5: 900}))
    versions = text("SELECT array_agg(xmin::text ORDER BY class) FROM slot_day")
    before = session.scalar(versions)
    session.commit()
    written = pulls.sync(person, Fetch({0: 100}, {5: 900}))
    assert written.scores_changed == 0
    assert session.scalar(versions) == before
    assert session.get_one(SyncRequest, written.sync_ids[0]).slots_changed == 0


def test_only_the_day_of_which_something_else_is_said_is_written(
    session: Session, pulls: Pulls, person: Person
) -> None:
    pulls.sync(person, Fetch({0: 100, 96: 7}, slots=192))
    versions = text("SELECT xmin::text FROM slot_day ORDER BY day")
    first, second = session.scalars(versions).all()
    session.commit()
    written = pulls.sync(person, Fetch({0: 100, 96: 8}, slots=192))
    assert session.get_one(SyncRequest, written.sync_ids[0]).slots_changed == 1
    same, other = session.scalars(versions).all()
    assert same == first
    assert other != second


def test_what_is_said_again_after_something_else_is_written_again(
    session: Session, factory: Factory, pulls: Pulls, person: Person
) -> None:
    competition = factory.competition()
    factory.participant(competition, person)
    part = Fetch({0: 5}, start=START + 40 * QUARTER, slots=20)
    for fetch, score in (
        (Fetch({0: 100, 40: 1}), 101),
        (Fetch({0: 90, 40: 1}), 91),
        (Fetch({0: 100, 40: 1}), 101),
        (part, 105),
        (Fetch({0: 100, 40: 1}), 101),
        (part, 105),
        (part, 105),
    ):
        pulls.sync(person, fetch)
        assert score_of(session, competition, person) == score


def test_a_window_replaces_its_slots_and_no_others(
    session: Session, factory: Factory, pulls: Pulls, person: Person
) -> None:
    competition = factory.competition()
    factory.participant(competition, person)
    pulls.sync(person, Fetch({0: 100, 40: 50, 95: 7}))
    pulls.sync(person, Fetch({0: 51}, start=START + 40 * QUARTER, slots=20))
    assert score_of(session, competition, person) == 100 + 51 + 7
    pulls.sync(person, Fetch({}, start=START + 90 * QUARTER, slots=10))
    assert score_of(session, competition, person) == 100 + 51
    assert session.scalar(select(SlotDay.slots).where(SlotDay.day == START.date())) is not None


def test_what_vanishes_at_the_vendor_vanishes_here(
    session: Session, factory: Factory, pulls: Pulls, person: Person
) -> None:
    competition = factory.competition(sources=Sources.ALL)
    factory.participant(competition, person)
    pulls.sync(person, Fetch({0: 10}, {1: 500, 90: 5}))
    assert score_of(session, competition, person) == 515
    pulls.sync(person, Fetch({0: 10}, slots=50))
    assert score_of(session, competition, person) == 15
    pulls.sync(person, Fetch({0: 10}))
    assert score_of(session, competition, person) == 10
    assert slots_of(session, SlotClass.MANUAL) is None


def test_caps_sources_and_metrics_decide_what_counts(
    session: Session, factory: Factory, pulls: Pulls, person: Person
) -> None:
    capped = factory.competition(daily_cap=120)
    everything = factory.competition(sources=Sources.ALL)
    other = factory.competition(metric=Metric.DISTANCE)
    for competition in (capped, everything, other):
        factory.participant(competition, person)
    pulls.sync(person, Fetch({0: 100, 95: 50, 96: 30}, {3: 7}, slots=192))
    assert score_of(session, capped, person) == 120 + 30
    assert score_of(session, everything, person) == 187
    assert score_of(session, other, person) == 0
    drops = session.execute(
        text("SELECT drops FROM score_day WHERE competition_id = :id ORDER BY day"),
        {"id": capped.id},
    ).scalars()
    assert list(drops) == [{"manual": 7000, "cap": 30_000}, {}]


def test_only_time_inside_the_competition_counts(
    session: Session, factory: Factory, pulls: Pulls, person: Person
) -> None:
    competition = factory.competition(
        starts_at=START + 10 * QUARTER,
        ends_at=START + 130 * QUARTER,
        grace_hours=72,
        timezone="Asia/Kathmandu",
    )
    factory.participant(competition, person)
    pulls.sync(person, Fetch({9: 1, 10: 10, 129: 100, 130: 1000}, slots=192))
    assert score_of(session, competition, person) == 110


def test_scores_floor_once(
    session: Session, factory: Factory, pulls: Pulls, person: Person
) -> None:
    competition = factory.competition(metric=Metric.DISTANCE)
    factory.participant(competition, person)
    fetch = Fetch({}, slots=192, metric=Metric.DISTANCE)
    fetch.stream.measured[0] = fetch.stream.measured[100] = 1_600
    pulls.sync(person, fetch)
    assert score_of(session, competition, person) == 3


@pytest.mark.parametrize(
    ("status", "ends", "counts"),
    [
        (CompetitionStatus.CLOSING, timedelta(hours=-23), True),
        (CompetitionStatus.CLOSING, timedelta(hours=-24), False),
        (CompetitionStatus.PROVISIONAL, timedelta(hours=-1), False),
        (CompetitionStatus.CANCELLED, timedelta(hours=1), False),
    ],
)
def test_late_data_counts_until_the_cut_off(
    session: Session,
    factory: Factory,
    pulls: Pulls,
    person: Person,
    status: CompetitionStatus,
    ends: timedelta,
    counts: bool,
) -> None:
    now = START + timedelta(days=3)
    competition = factory.competition(status=status, ends_at=now + ends)
    factory.participant(competition, person)
    (held,) = pulls.claimed(person)
    pulls.write(Fetch({0: 5}).by(held), now=now)
    assert score_of(session, competition, person) == (5 if counts else 0)


def test_a_lost_lease_writes_nothing(session: Session, pulls: Pulls, person: Person) -> None:
    (late,) = pulls.claimed(person)
    with clock.moved(timedelta(minutes=2)):
        (taken,) = pulls.claim()
    assert taken.sync_id == late.sync_id
    assert pulls.write(Fetch({0: 1}).by(late)).sync_ids == []
    assert slots_of(session, SlotClass.MEASURED) is None
    pulls.write(Fetch({0: 2}).by(taken))
    measured = slots_of(session, SlotClass.MEASURED)
    assert measured is not None
    assert measured[0] == 2000
    assert pulls.write(Fetch({0: 3}).by(taken)).sync_ids == []


def test_the_cursor_moves_only_over_what_was_fetched(
    session: Session, pulls: Pulls, person: Person
) -> None:
    def stretch() -> tuple[object, object]:
        session.expire_all()
        connection = session.scalars(select(FitnessConnection)).one()
        return connection.fetched_from, connection.synced_until

    pulls.sync(person, Fetch({}, start=START, slots=10))
    assert stretch() == (START, START + 10 * QUARTER)
    pulls.sync(person, Fetch({}, start=START + 20 * QUARTER, slots=10))
    assert stretch() == (START, START + 10 * QUARTER)
    pulls.sync(person, Fetch({}, start=START - 5 * QUARTER, slots=5))
    assert stretch() == (START - 5 * QUARTER, START + 10 * QUARTER)
    pulls.sync(person, Fetch({}, start=START + 10 * QUARTER, slots=10))
    assert stretch() == (START - 5 * QUARTER, START + 20 * QUARTER)


def test_data_that_the_database_refuses_leaves_nothing_half_done(
    session: Session, factory: Factory, pulls: Pulls, person: Person
) -> None:
    other = factory.person()
    pulls.connect(other)
    first, second = pulls.claimed(person, other)
    object.__setattr__(second, "person_id", -1)
    bad = Fetch({0: 1}).by(second)
    with pytest.raises(IntegrityError):
        pulls.write(Fetch({0: 1}).by(first), bad)
    assert session.scalars(select(SlotDay)).all() == []


def side_by_side(*jobs: Callable[[], None]) -> None:
    """Run jobs in threads that start together; raise what any of them raised."""
    start = threading.Barrier(len(jobs))

    def run(job: Callable[[], None]) -> None:
        start.wait()
        job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        for future in [pool.submit(run, job) for job in jobs]:
            future.result()


def test_two_writers_of_one_person_take_turns(
    session: Session, factory: Factory, pulls: Pulls
) -> None:
    competition = factory.competition()
    people = factory.people(40)
    for person in people:
        pulls.connect(person)
        factory.participant(competition, person)

    def claimed() -> list[Claim]:
        try:
            return pulls.claim()
        except IntegrityError:  # the other one claimed it first
            return []
        except OperationalError as error:  # two claims met, and one of them gave way
            if isinstance(error.orig, DeadlockDetected):
                return []
            raise

    def write_in(order: list[Person], slot: int) -> None:
        for turn in range(6):
            pulls.ask(*order)
            if batch := [Fetch({slot: turn + 1}).by(held) for held in claimed()]:
                pulls.write(*batch)

    side_by_side(
        lambda: write_in(people, 0),
        lambda: write_in(people[::-1], 1),
        lambda: write_in(people[20:] + people[:20], 2),
    )
    check_full_recomputation_agrees(session, competition)


def test_joins_racing_with_batches_lose_no_score(
    session: Session, engine: Engine, factory: Factory, pulls: Pulls
) -> None:
    competitions = [factory.competition() for _ in range(3)]
    people = factory.people(30)
    for person in people:
        pulls.connect(person)

    def writes() -> None:
        for turn in range(1, 6):
            batch = [Fetch({0: turn * 10}).by(held) for held in pulls.claimed(*people)]
            pulls.write(*batch)

    def joins(order: list[Competition]) -> None:
        for person, competition in itertools.product(people, order):
            with unit_of_work(engine) as unit:
                join(unit.session, person, competition.id, None, clock.now())

    side_by_side(writes, lambda: joins(competitions), lambda: joins(competitions[::-1]))
    session.expire_all()
    for competition in competitions:
        scores = select(Participant.score).where(Participant.competition_id == competition.id)
        assert session.scalars(scores).all() == [50] * len(people)
        assert session.get_one(Competition, competition.id).participant_count == len(people)


def check_full_recomputation_agrees(session: Session, competition: Competition) -> None:
    """Recompute everything: nothing may change."""
    session.rollback()
    assert recompute_everyone(session, competition.id) == 0
    session.rollback()
