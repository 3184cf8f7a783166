"""Who may listen, for how long, and with which code they are sent away."""

import time
import uuid
from collections.abc import Callable

import pytest

from domain.live.messages import CloseCode
from models.competition import Visibility
from tests.factories import Factory
from tests.integration.live.conftest import Listener, Site, Stage, token_of

Listen = Callable[..., Listener]


def test_a_header_lets_in(stage: Stage, listen: Listen) -> None:
    assert listen(stage.path, stage.people[1]).hear()["type"] == "snapshot"


def test_a_first_message_lets_in(stage: Stage, listen: Listen) -> None:
    listener = listen(stage.path)
    listener.say({"type": "auth", "token": token_of(stage.people[1])})
    assert listener.hear()["type"] == "snapshot"


@pytest.mark.parametrize(
    "query",
    ["token={}", "access_token=x", "Token=", "jwt={}", "a=1&a=Bearer%20{}", "{}", "epoch={}"],
)
@pytest.mark.parametrize("path", ["/ws/fitness", None])
def test_a_token_in_the_query_is_refused_at_once(
    query: str, path: str | None, stage: Stage, site: Site
) -> None:
    token = token_of(stage.people[1])
    with site.open(f"{path or stage.path}?{query.format(token)}", token) as listener:
        assert listener.closed() == CloseCode.UNAUTHORISED
        assert listener.connection.close_reason == "token_in_query"
    assert token not in site.log


def test_a_position_in_the_query_is_no_token(stage: Stage, site: Site) -> None:
    at = f"epoch={stage.position.epoch}&offset={stage.position.offset}&v=1.2.3"
    with site.open(f"{stage.path}?{at}", token_of(stage.people[1])) as listener:
        assert listener.hear()["type"] == "me"


def test_a_forged_token_is_refused(stage: Stage, site: Site) -> None:
    token = token_of(stage.people[1])
    with site.open(stage.path, token[:-6] + "AAAAAA") as listener:
        assert listener.closed() == CloseCode.UNAUTHORISED


def test_no_credential_in_time(stage: Stage, listen: Listen) -> None:
    assert listen(stage.path).closed() == CloseCode.NO_CREDENTIAL


def test_an_unknown_competition(stage: Stage, listen: Listen) -> None:
    path = f"/ws/leaderboard/{uuid.uuid4()}"
    assert listen(path, stage.people[0]).closed() == CloseCode.NOT_FOUND
    assert listen("/ws/leaderboard/x", stage.people[0]).closed() == CloseCode.NOT_FOUND


def test_a_private_competition_is_for_its_own(
    factory: Factory, stage: Stage, listen: Listen
) -> None:
    organiser, participant, stranger = stage.people
    private = factory.competition(
        organiser, visibility=Visibility.PRIVATE, invite_code=uuid.uuid4().hex
    )
    factory.participant(private, participant)
    stage.competition = private
    stage.rebuild({str(participant.user_id): 0})
    assert listen(stage.path, participant).hear()["type"] == "snapshot"
    assert listen(stage.path, organiser).hear()["type"] == "snapshot"
    assert listen(stage.path, stranger).closed() == CloseCode.NOT_FOUND


def test_who_leaves_a_private_competition_is_sent_away(
    factory: Factory, stage: Stage, listen: Listen
) -> None:
    organiser, leaver, stayer = stage.people
    stage.competition = private = factory.competition(
        organiser, visibility=Visibility.PRIVATE, invite_code=uuid.uuid4().hex
    )
    gone = factory.participant(private, leaver)
    factory.participant(private, stayer)
    stage.rebuild({str(leaver.user_id): 3, str(stayer.user_id): 2})
    listeners = [listen(stage.path, one) for one in (organiser, leaver, stayer)]
    for listener in listeners:
        assert listener.hear()["type"] == "snapshot"
    factory.session.delete(gone)
    factory.session.commit()
    stage.flush({str(leaver.user_id): None})
    assert listeners[1].closed() == CloseCode.FORBIDDEN
    for listener in (listeners[0], listeners[2]):
        assert listener.hear("update")["removed"] == [str(leaver.user_id)]
        listener.say({"type": "ping"})
        assert listener.hear("pong")


def test_who_has_no_place_on_a_public_board_may_stay(stage: Stage, listen: Listen) -> None:
    person = stage.people[0]
    listener = listen(stage.path, person)
    assert listener.hear()["me"] is not None
    stage.flush({str(person.user_id): None})
    assert listener.hear("me")["rank"] is None
    assert listener.silent()


def test_a_token_that_ends_closes_the_socket(stage: Stage, site: Site) -> None:
    # Tokens are good for 30 seconds after their end, for the sake of clocks.
    with site.open(stage.path, token_of(stage.people[0], seconds=-28)) as listener:
        assert listener.hear()["type"] == "snapshot"
        assert listener.closed() == CloseCode.UNAUTHORISED


def test_a_newer_token_keeps_it_open(stage: Stage, site: Site) -> None:
    person = stage.people[0]
    first_ends = time.time() + 2
    with site.open(stage.path, token_of(person, seconds=-28)) as listener:
        assert listener.hear()["type"] == "snapshot"
        listener.say({"type": "auth", "token": token_of(person, seconds=-26)})
        assert listener.closed() == CloseCode.UNAUTHORISED
        assert time.time() > first_ends


def test_someone_elses_token_does_not(stage: Stage, listen: Listen) -> None:
    listener = listen(stage.path, stage.people[0])
    listener.say({"type": "auth", "token": token_of(stage.people[1])})
    assert listener.closed() == CloseCode.UNAUTHORISED


def test_ping_and_pong(stage: Stage, listen: Listen) -> None:
    listener = listen(stage.path, stage.people[0])
    listener.say({"type": "ping"})
    assert listener.hear("pong") == {"type": "pong"}


@pytest.mark.parametrize(
    "said",
    ["", "{", "[]", "null", '{"type":"shout"}', '{"type":"ping","loud":true}', '{"type":"auth"}'],
)
def test_what_is_not_understood(said: str, stage: Stage, listen: Listen) -> None:
    listener = listen(stage.path, stage.people[0])
    listener.say(said)
    assert listener.closed() == CloseCode.BAD_MESSAGE


def test_too_many_messages(stage: Stage, listen: Listen) -> None:
    listener = listen(stage.path, stage.people[0])
    for _ in range(70):
        listener.say({"type": "ping"})
    assert listener.closed() == CloseCode.TOO_SLOW_OR_TOO_MANY
