"""Boards of finished competitions over REST: the standing that holds, whatever Redis shows."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from domain import clock
from domain.competitions import freezing
from domain.competitions.life import advance
from domain.redis import Redis
from models import Competition, Person
from models.competition import CompetitionStatus
from tests.factories import START, Factory
from tests.integration.web.conftest import SignIn
from tests.integration.web.test_leaderboard import shown, until
from worker.unit import unit_of_work

SCORES = [5, 9, 9, 0, 7]


@pytest.fixture
def people(factory: Factory) -> list[Person]:
    """Of the competition, in the order of their ids."""
    return sorted(factory.people(len(SCORES)), key=lambda person: person.user_id)


@pytest.fixture
def over(factory: Factory, engine: Engine, people: list[Person]) -> Competition:
    """A competition with its final standing."""
    made = factory.competition(
        ends_at=START + timedelta(days=1), grace_hours=0, status=CompetitionStatus.CLOSING
    )
    for person, score in zip(people, SCORES, strict=True):
        factory.participant(made, person, score)
    for _ in range(2):
        with unit_of_work(engine) as unit:
            advance(unit.session, made.id, clock.now())
        freeze(engine)
    return made


def freeze(engine: Engine) -> None:
    """Write every standing that is owed."""
    with unit_of_work(engine) as unit:
        for one in freezing.unfinished_standings(unit.session, 10):
            freezing.write_page(unit.session, one, clock.now())


def ranks(people: list[Person], *places: tuple[int, int]) -> list[tuple[int, str]]:
    """Name people by their numbers."""
    return [(rank, str(people[number].user_id)) for rank, number in places]


Rule = Callable[[Person], None]


@pytest.fixture
def disqualify(sign_in: SignIn, over: Competition) -> Rule:
    """Correct the standing as an admin, without the new version's pages."""

    def rule(person: Person) -> None:
        path = f"/competitions/{over.id}/participants/{person.user_id}/disqualify"
        admin = sign_in(app_metadata={"role": "admin"})
        assert admin.post(path, {"reason": "Rode a bicycle."}).status_code == 200

    return rule


def test_every_view_is_of_the_standing(
    sign_in: SignIn, over: Competition, people: list[Person], redis: Redis
) -> None:
    path, me = f"/leaderboard/{over.id}", sign_in(people[4])
    whole = ranks(people, (1, 1), (1, 2), (3, 4), (4, 0), (5, 3))
    first = me.get(path)
    assert shown(first) == whole
    body: Any = first.json
    assert (body["status"], body["total"], body["metric"]) == ("final", 5, "steps")
    assert body["me"] == {
        "rank": 3,
        "user_id": str(people[4].user_id),
        "display_name": people[4].display_name,
        "score": 7,
        "next": {"rank": 1, "gap": 2},
    }
    assert shown(me.get(f"{path}?start=3&limit=5")) == whole[3:]
    assert shown(me.get(f"{path}?around=me&limit=3")) == whole[1:4]
    assert shown(me.get(f"{path}?users={people[3].user_id},{people[2].user_id}")) == [
        whole[1],
        whole[4],
    ]
    stranger: Any = sign_in().get(path).json
    assert (stranger["entries"], stranger["me"]) == (body["entries"], None)
    tag = {"If-None-Match": first.headers["ETag"]}
    assert me.get(path, headers=tag).status_code == 304
    assert sign_in(people[0]).get(path, headers=tag).status_code == 200


def test_a_correction_shows_when_its_version_is_whole(
    sign_in: SignIn, engine: Engine, over: Competition, people: list[Person], disqualify: Rule
) -> None:
    path, me, out = f"/leaderboard/{over.id}", sign_in(people[4]), sign_in(people[1])
    before = {"If-None-Match": me.get(path).headers["ETag"]}
    disqualify(people[1])
    assert me.get(path, headers=before).status_code == 304
    freeze(engine)
    until(lambda: me.get(path, headers=before).status_code == 200)
    after: Any = me.get(path).json
    assert shown(me.get(path)) == ranks(people, (1, 2), (2, 4), (3, 0), (4, 3))
    assert (after["me"]["rank"], after["total"]) == (2, 4)
    assert out.get(path).json["me"] is None  # type: ignore[index]  # an object
    assert shown(out.get(f"{path}?around=me")) == []
    assert shown(me.get(f"{path}?users={people[1].user_id}")) == []


def test_a_new_name_shows_beside_an_old_place(
    sign_in: SignIn, over: Competition, people: list[Person]
) -> None:
    path, me = f"/leaderboard/{over.id}", sign_in(people[1])
    before = {"If-None-Match": me.get(path).headers["ETag"]}
    me.call("PATCH", "/me", json={"display_name": "Grace"})

    def names() -> tuple[str, str]:
        body: Any = me.get(path).json
        return body["entries"][0]["display_name"], body["me"]["display_name"]

    # Rows and one's own place are kept apart, each for a second.
    until(lambda: names() == ("Grace", "Grace"))
    assert me.get(path, headers=before).status_code == 200
