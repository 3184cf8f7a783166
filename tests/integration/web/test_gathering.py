"""Boards and names that many ask for at once."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Engine

from domain.leaderboards.board import Position
from domain.leaderboards.names import NAMES_KEY
from domain.leaderboards.store import BoardStore
from domain.redis import Redis, make_redis
from sandbox.valkey import EmbeddedValkey
from tests.boards import put_board
from tests.factories import Factory
from web.gathering import Gathering, GatheringBoards, GatheringNames

PATIENCE_S = 60.0
Found = TypeVar("Found")


def at_once(
    valkey: EmbeddedValkey, gathering: Gathering[Any, Any], asks: Sequence[Callable[[], Found]]
) -> list[Found]:
    """Let all ask while Valkey stands still: one has asked already, the others wait together."""
    deadline = time.monotonic() + PATIENCE_S
    with ThreadPoolExecutor(len(asks)) as pool:
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            asking = [pool.submit(ask) for ask in asks]
            while gathering.waiting < len(asks):
                assert time.monotonic() < deadline, "waited in vain"
                time.sleep(0.001)
        finally:
            os.kill(valkey.pid, signal.SIGCONT)
        return [one.result(PATIENCE_S) for one in asking]


def test_each_gets_the_own_answer(
    factory: Factory, engine: Engine, redis: Redis, valkey: EmbeddedValkey
) -> None:
    competition, people = factory.competition(), factory.people(7)
    users = [str(person.user_id) for person in people]
    scores = dict(zip(users, [5, 9, 9, 0, 7, 3, 1], strict=True))
    put_board(BoardStore(redis), competition.id, scores, Position("epoch", 1))
    alone = BoardStore(redis)
    patient = make_redis(valkey.url, socket_timeout=PATIENCE_S)
    boards, names = GatheringBoards(patient), GatheringNames(patient, engine)
    redis.script_flush()

    def around(user: str) -> Callable[[], object]:
        return lambda: boards.read_around(competition.id, user, 3, user)

    def name(user: str) -> Callable[[], object]:
        return lambda: names.of([user])[user]

    found = at_once(valkey, boards.looks, [around(user) for user in users])
    assert found == [alone.read_around(competition.id, user, 3, user) for user in users]
    for _ in range(2):  # from PostgreSQL, and then from Redis
        found = at_once(valkey, names.lookups, [name(user) for user in users])
        assert found == [person.display_name for person in people]
        assert redis.hlen(NAMES_KEY) == len(people)
    patient.close()
