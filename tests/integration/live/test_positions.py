"""What a process knows of where boards stand never goes back because of a late bell."""

import threading
import uuid
from collections.abc import Iterator
from typing import cast

import pytest

from domain.leaderboards.board import Position
from domain.leaderboards.keys import BELLS, state_key
from domain.leaderboards.store import BoardStore
from domain.redis import Redis
from sandbox.valkey import EmbeddedValkey
from tests.integration.live.conftest import PATIENCE_S, Stage, wait_until
from web.live.bells import Bells, Ear
from web.live.positions import Positions


class Followed:
    """A board that is followed, and every move that was told of it."""

    def __init__(self, stage: Stage, positions: Positions, redis: Redis) -> None:
        self.stage = stage
        self.moves: list[Position | None] = []
        self._redis = redis
        self._positions = positions
        positions.on_moved(self._note)
        positions.follow(stage.competition.id)
        self.wait()
        self.moves.clear()

    def ring(self, told: Position) -> None:
        """Ring as a script did that has long ended."""
        self._redis.publish(BELLS, f"{self.stage.competition.id} {told.epoch} {told.offset}")

    def wait(self) -> None:
        """Wait until it is known where the board stands."""
        board = self.stage.competition.id
        wait_until(lambda: self._positions.current(board) == self.stage.position, "the position")

    def _note(self, board: uuid.UUID, position: Position | None) -> None:
        assert board == self.stage.competition.id
        self.moves.append(position)


@pytest.fixture
def followed(
    stage: Stage, store: BoardStore, redis: Redis, valkey: EmbeddedValkey
) -> Iterator[Followed]:
    """The stage, followed by bells and polls."""
    bells, subscribed = Bells(valkey.url), threading.Event()
    bells.listen("another channel", Ear(lambda _: None, subscribed.set))
    positions = Positions(bells, store)
    try:
        made = Followed(stage, positions, redis)
        assert subscribed.wait(PATIENCE_S)
        yield made
    finally:
        positions.stop()
        bells.stop()


def test_a_bell_that_comes_late_moves_nothing(followed: Followed) -> None:
    stage, person = followed.stage, str(followed.stage.people[0].user_id)
    before = stage.position
    stage.flush({person: 40})
    followed.wait()
    followed.ring(before)
    stage.flush({person: 41})
    followed.wait()
    assert [one and one.offset for one in followed.moves] == [before.offset + 1, before.offset + 2]


def test_a_bell_of_the_epoch_before_moves_nothing(followed: Followed) -> None:
    stage = followed.stage
    before = stage.position
    stage.rebuild({str(stage.people[0].user_id): 7})
    followed.wait()
    followed.ring(Position(before.epoch, before.offset + 9))
    stage.rebuild({str(stage.people[0].user_id): 8})
    followed.wait()
    assert [one and one.epoch for one in followed.moves][1:] == [stage.position.epoch]


def test_what_a_restored_server_shows_is_believed(followed: Followed, redis: Redis) -> None:
    stage, person = followed.stage, str(followed.stage.people[0].user_id)
    before, key = stage.head, state_key(stage.competition.id)
    kept = cast("dict[bytes, bytes]", redis.hgetall(key))
    stage.flush({person: 40})
    followed.wait()
    redis.hset(key, mapping=kept)
    stage.head = before
    followed.wait()
    assert followed.moves[-1] == before.position
