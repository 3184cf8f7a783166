"""Server-Sent Events: the messages of the sockets, for who cannot have one."""

import socket
import uuid
from collections.abc import Callable

import pytest
import requests
from sqlalchemy.orm import Session

from domain import clock
from domain.fitness.bells import announce
from domain.fitness.syncs import request_sync
from domain.redis import Redis
from models import Person
from models.competition import Visibility
from tests.factories import Factory
from tests.integration.live.conftest import Listener, Site, Stage, token_of, wait_until
from tests.integration.live.event_stream import get, stream

Listen = Callable[..., Listener]


def bearer(person: Person, seconds: float = 3600) -> str:
    return f"Bearer {token_of(person, seconds=seconds)}"


def path_of(stage: Stage) -> str:
    return f"/leaderboard/{stage.competition.id}/events"


def test_the_same_messages_as_on_the_socket(stage: Stage, site: Site, listen: Listen) -> None:
    person = stage.people[2]
    listener = listen(stage.path, person)
    with stream(site, path_of(stage), Authorization=bearer(person)) as events:
        assert events.answer.headers["Cache-Control"] == "no-store"
        assert "X-Request-ID" in events.answer.headers
        assert events.hear() == listener.hear()
        assert events.last_id == f"{stage.position.epoch}:{stage.position.offset}"
        stage.flush({str(person.user_id): 31})
        for kind in ("update", "me"):
            message = events.hear()
            assert message["type"] == kind
            assert message == listener.hear()
        assert events.last_id == f"{stage.position.epoch}:{stage.position.offset}", "me has no id"


def test_resuming_by_the_last_event(stage: Stage, site: Site) -> None:
    person, offset = stage.people[0], stage.position.offset
    last = f"{stage.position.epoch}:{offset}"
    stage.flush({str(person.user_id): 33})
    with stream(site, path_of(stage), Authorization=bearer(person), Last_Event_ID=last) as events:
        update = events.hear()
        assert (update["type"], update["base"], update["offset"]) == ("update", offset, offset + 1)
        assert events.hear()["type"] == "me"
    with stream(site, path_of(stage), Authorization=bearer(person), Last_Event_ID="?") as events:
        assert events.hear()["type"] == "snapshot"


def test_syncs_are_told(
    site: Site, session: Session, factory: Factory, redis: Redis, listen: Listen
) -> None:
    person = factory.person()
    factory.connection(person)
    sync = request_sync(session, person, None, clock.now()).sync
    session.commit()
    listener = listen("/ws/fitness", person)
    with stream(site, "/fitness/events", Authorization=bearer(person)) as events:
        announce(redis, [person.user_id])
        message = events.hear("sync")
        assert message["sync_id"] == str(sync.id)
        assert message == listener.hear("sync")
        assert events.last_id == ""


def test_a_ticket_stays_good_for_its_stream_alone(
    stage: Stage, site: Site, ticket: Callable[..., str], listen: Listen
) -> None:
    shown = ticket(stage.people[0])
    path = f"{path_of(stage)}?ticket={shown}"
    for _ in range(3):
        with stream(site, path) as events:
            assert events.hear()["me"]["rank"] == 1
    assert get(site, f"/fitness/events?ticket={shown}").json()["code"] == "ticket_refused"
    assert listen(f"{stage.path}?ticket={shown}").closed() == 4401
    assert shown not in site.log


@pytest.mark.parametrize("path", ["/fitness/events", None])
def test_who_is_refused(stage: Stage, site: Site, path: str | None) -> None:
    path, token = path or path_of(stage), token_of(stage.people[0])
    for asked, code in (
        (path, "credential_missing"),
        (f"{path}?ticket=x", "ticket_refused"),
        (f"{path}?token={token}", "credential_missing"),
    ):
        answer = get(site, asked)
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    answer = get(site, f"{path}?x={token}", Authorization=f"Bearer {token}")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_in_query")


def test_what_is_not_there(stage: Stage, site: Site, factory: Factory) -> None:
    private = factory.competition(
        stage.people[0], visibility=Visibility.PRIVATE, invite_code=uuid.uuid4().hex
    )
    for absent in (uuid.uuid4(), private.id):
        answer = get(site, f"/leaderboard/{absent}/events", Authorization=bearer(stage.people[1]))
        assert answer.status_code == 404


def test_a_stream_ends_with_its_token(stage: Stage, site: Site) -> None:
    with stream(site, path_of(stage), Authorization=bearer(stage.people[0], -28)) as events:
        assert events.hear()["type"] == "snapshot"
        assert "data" not in "".join(events.rest())


def test_too_many_streams_of_one_person_until_one_goes(stage: Stage, site: Site) -> None:
    person = stage.people[0]

    def come_in() -> requests.Response:
        return get(site, path_of(stage), Authorization=bearer(person))

    opened = [come_in() for _ in range(20)]
    assert {answer.status_code for answer in opened} == {200}
    refused = come_in()
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_connections")
    assert int(refused.headers["Retry-After"]) > 0
    opened[0].close()
    wait_until(lambda: come_in().status_code == 200, "the place that is free again")
    for answer in opened:
        answer.close()


def test_a_head_is_answered_and_the_connection_goes_on(stage: Stage, site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.port), 5) as raw:
        for _ in range(2):
            head = f"HEAD /api/v1{path_of(stage)} HTTP/1.1\r\nHost: x\r\n"
            raw.sendall(f"{head}Authorization: {bearer(stage.people[0])}\r\n\r\n".encode())
            assert b"200 OK" in raw.recv(4096)
