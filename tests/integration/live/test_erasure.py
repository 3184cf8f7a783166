"""Whoever was erased is sent away from every socket, and those who stay see the pseudonym."""

from collections.abc import Iterator

import pytest
import requests
from sqlalchemy.orm import Session

from domain.live.messages import CloseCode
from domain.redis import Redis
from domain.settings import Settings
from models import Person
from tests.factories import Factory
from tests.integration.live.conftest import PATIENCE_S, Site, token_of
from tests.integration.live.test_fitness import Listen
from worker.app import make_app
from worker.resources import PodiumCelery


@pytest.fixture
def app(settings: Settings, redis: Redis) -> Iterator[PodiumCelery]:
    """The application whose task is run."""
    made = make_app(settings)
    made.loader.import_default_modules()
    yield made
    made.resources.engine.dispose()


def test_sockets_of_the_erased_are_closed(
    site: Site, listen: Listen, factory: Factory, session: Session, app: PodiumCelery
) -> None:
    ada, other = factory.people(2)
    was = str(ada.user_id)
    contest = factory.competition()
    for person in (ada, other):
        factory.participant(contest, person, 5)
    app.tasks["leaderboards.rebuild"](competition_id=str(contest.id))
    board, syncs = f"/ws/leaderboard/{contest.id}", "/ws/fitness"
    hers = [listen(board, ada), listen(syncs, ada)]
    others = listen(board, other)
    hers[0].hear("snapshot")
    before = others.hear("snapshot")

    answer = requests.delete(
        f"http://127.0.0.1:{site.port}/api/v1/me",
        headers={"Authorization": f"Bearer {token_of(ada)}"},
        timeout=PATIENCE_S,
    )
    assert answer.status_code == 204
    app.tasks["erasures.sweep"]()
    app.tasks["leaderboards.rebuild"](competition_id=str(contest.id))

    assert [one.closed() for one in hers] == [CloseCode.FORBIDDEN] * 2
    after = others.hear("snapshot")
    assert after["epoch"] != before["epoch"]
    session.expire_all()
    pseudonym = str(session.get_one(Person, ada.id).user_id)
    assert pseudonym != was
    assert {one["user_id"] for one in after["entries"]} == {pseudonym, str(other.user_id)}
