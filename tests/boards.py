"""Boards as tests make them."""

import uuid
from collections.abc import Mapping

from domain.leaderboards.board import Head, Position
from domain.leaderboards.store import BoardStore


def put_board(
    store: BoardStore,
    competition_id: uuid.UUID,
    scores: Mapping[str, int],
    target: Position,
    status: str = "active",
) -> Head:
    """Put a board into Redis as a rebuild does."""
    token = uuid.uuid4()
    store.copy(competition_id, token, lines(scores))
    found = store.epoch_found(competition_id)
    reached = store.swap(competition_id, token, found, target, status, len(scores))
    assert reached is not None
    return Head(*reached)


def lines(scores: Mapping[str, int]) -> list[str]:
    """Return people as a rebuild reads them."""
    return [word for user_id, score in scores.items() for word in (str(-score), user_id)]
