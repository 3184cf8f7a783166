"""Tickets: a credential for an address, once and for a short while."""

from collections.abc import Callable

from domain.redis import Redis
from tests.factories import Factory
from tests.integration.live.conftest import Listener, Stage

Listen = Callable[..., Listener]
GiveTicket = Callable[..., str]


def test_a_ticket_lets_in_once(stage: Stage, listen: Listen, ticket: GiveTicket) -> None:
    path = f"{stage.path}?ticket={ticket(stage.people[1])}"
    assert listen(path).hear()["me"]["rank"] == 2
    again = listen(path)
    assert again.closed() == 4401
    assert again.connection.close_reason == "ticket_refused"


def test_a_ticket_resumes(stage: Stage, listen: Listen, ticket: GiveTicket) -> None:
    at = f"epoch={stage.position.epoch}&offset={stage.position.offset}"
    assert listen(f"{stage.path}?{at}&ticket={ticket(stage.people[1])}").hear()["type"] == "me"


def test_a_ticket_ends_with_its_time(
    stage: Stage, listen: Listen, ticket: GiveTicket, redis: Redis
) -> None:
    shown = ticket(stage.people[0])
    (key,) = redis.scan_iter("live:ticket:*")
    assert shown.encode() not in key, "Redis knows only its digest"
    assert 0 < int(str(redis.ttl(key))) <= 30
    redis.delete(key)
    assert listen(f"/ws/fitness?ticket={shown}").closed() == 4401


def test_the_socket_lasts_as_long_as_the_token(
    stage: Stage, listen: Listen, ticket: GiveTicket
) -> None:
    # Tokens are good for 30 seconds after their end, for the sake of clocks.
    listener = listen(f"{stage.path}?ticket={ticket(stage.people[0], seconds=-27)}")
    assert listener.hear()["type"] == "snapshot"
    assert listener.closed() == 4401
    assert listener.connection.close_reason == "token_expired"


def test_too_many_sockets_of_one_person(factory: Factory, listen: Listen) -> None:
    person = factory.person()
    for _ in range(20):
        assert listen("/ws/fitness", person).silent()
    late = listen("/ws/fitness", person)
    assert late.closed() == 4429
    assert late.connection.close_reason == "too_many_connections"
    assert listen("/ws/fitness", factory.person()).silent()
