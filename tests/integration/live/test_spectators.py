"""Who shows no credential sees public boards by event stream, and nothing else."""

import uuid

import pytest
import requests
from sqlalchemy.orm import Session

from models.competition import Visibility
from tests.factories import Factory
from tests.integration.live.conftest import PATIENCE_S, Site, Stage, wait_until
from tests.integration.live.event_stream import get, stream


def path_of(stage: Stage) -> str:
    return f"/spectators/{stage.competition.id}/events"


def test_a_public_board_is_watched_and_resumed(stage: Stage, site: Site) -> None:
    with stream(site, path_of(stage)) as events:
        snapshot = events.hear()
        assert [row["score"] for row in snapshot["entries"]] == [30, 20, 20]
        assert snapshot["me"] is None
        stage.flush({str(stage.people[2].user_id): 31})
        assert events.hear("update")["entries"][0]["score"] == 31
        last = events.last_id
    stage.flush({str(stage.people[2].user_id): 32})
    with stream(site, path_of(stage), Last_Event_ID=last) as events:
        assert events.hear()["type"] == "update"
        assert events.hear()["rank"] is None


def test_spectators_of_an_address_count_as_one_person(stage: Stage, site: Site) -> None:
    wait_until(lambda: get(site, path_of(stage)).status_code == 200, "a free place")
    opened = [get(site, path_of(stage)) for _ in range(30)]
    codes = [answer.status_code for answer in opened]
    assert set(codes) == {200, 429}
    assert codes.count(200) <= 20
    for answer in opened:
        answer.close()
    wait_until(lambda: get(site, path_of(stage)).status_code == 200, "the place that is free again")


@pytest.mark.parametrize("rest", ["", "/events"])
def test_what_is_not_public_is_not_there(
    stage: Stage, site: Site, factory: Factory, rest: str
) -> None:
    private = factory.competition(visibility=Visibility.PRIVATE, invite_code=uuid.uuid4().hex)
    for absent in (uuid.uuid4(), private.id):
        url = f"http://127.0.0.1:{site.port}/api/v1/spectators/{absent}{rest}"
        answer = requests.get(url, timeout=PATIENCE_S)
        assert (answer.status_code, answer.json()["code"]) == (404, "competition_not_found")


@pytest.mark.soak
def test_spectators_leave_a_board_that_becomes_private(
    stage: Stage, site: Site, session: Session
) -> None:
    with stream(site, path_of(stage)) as events:
        events.hear("snapshot")
        stage.competition.visibility = Visibility.PRIVATE
        stage.competition.invite_code = uuid.uuid4().hex
        session.commit()
        events.rest()
    assert get(site, path_of(stage)).status_code == 404
