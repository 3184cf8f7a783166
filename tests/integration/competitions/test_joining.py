"""The last place under a rush."""

import threading

from sqlalchemy import Engine

from domain import clock
from domain.competitions.joining import join
from domain.errors import Conflict
from models import Person
from tests.factories import Factory
from tests.integration.competitions.conftest import Life
from worker.unit import unit_of_work

RUSH = 100


def test_of_a_hundred_one_gets_the_last_place(life: Life, engine: Engine, factory: Factory) -> None:
    competition = factory.competition(max_participants=3)
    for person in factory.people(2):
        factory.participant(competition, person)
    outcomes: list[str] = []
    start = threading.Barrier(RUSH)
    turns = threading.Semaphore(30)  # as many as there are connections

    def rush(person: Person) -> None:
        start.wait()
        with turns:
            try:
                with unit_of_work(engine) as unit:
                    joined = join(unit.session, person, competition.id, None, clock.now())
                    outcomes.append("joined" if joined.new else "again")
            except Conflict as error:
                outcomes.append(error.code)

    threads = [threading.Thread(target=rush, args=(one,)) for one in factory.people(RUSH)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(outcomes) == ["competition_full"] * (RUSH - 1) + ["joined"]
    counts = "SELECT participant_count FROM competition WHERE id = :id"
    assert life.scalar(counts, competition) == 3
    people = "SELECT count(*) FROM participant WHERE competition_id = :id"
    assert life.scalar(people, competition) == 3
