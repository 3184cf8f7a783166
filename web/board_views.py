"""The three ways to look at a board: in Redis, in the table, and in a frozen standing."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy.orm import Session

from domain.competitions import frozen_board
from domain.competitions.frozen_board import FrozenBoard
from domain.leaderboards import table
from domain.leaderboards.board import Page, Place
from domain.leaderboards.store import BoardStore
from web.schemas.leaderboard import LeaderboardQuery

View = tuple[Page, Place | None]
"""Rows, and the caller's own place."""

Board = TypeVar("Board", contravariant=True)


class Views(Protocol[Board]):
    """What the modules that read PostgreSQL have in common."""

    def page(self, session: Session, board: Board, start: int, limit: int, /) -> Page | None:
        """Consecutive rows."""

    def around(self, session: Session, board: Board, user_id: str, limit: int, /) -> Page | None:
        """The neighbourhood of someone."""

    def users(self, session: Session, board: Board, user_ids: Sequence[str], /) -> Page | None:
        """Certain people."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows of one board, as one caller asked for them."""

    competition_id: uuid.UUID
    query: LeaderboardQuery
    me: str

    @property
    def is_page(self) -> bool:
        """Whether these are consecutive rows from an index, which many ask for."""
        return self.query.around is None and self.query.users is None

    @property
    def centre(self) -> str:
        """Around whom."""
        return self.me if self.query.around == "me" else str(self.query.around)

    @property
    def name(self) -> str:
        """What tells this view from others of the same board."""
        if self.query.users is not None:
            return hashlib.sha256(self.query.users.encode()).hexdigest()[:32]
        if self.query.around is not None:
            return f"{self.centre}:{self.query.rows}"
        return f"{self.query.start}:{self.query.rows}"

    def from_redis(self, boards: BoardStore) -> View | None:
        """Read it from Redis; None when Redis has no such board."""
        board, query = self.competition_id, self.query
        if query.users is not None:
            return boards.read_users(board, query.users.split(","), self.me)
        if query.around is not None:
            return boards.read_around(board, self.centre, query.rows, self.me)
        return boards.read_page(board, query.start, query.rows, self.me)

    def from_postgres(self, session: Session, frozen: FrozenBoard | None) -> Page | None:
        """Read the rows from a standing or the table; None when there is no such competition."""
        if frozen is not None:
            return self._look(frozen_board, session, frozen)
        return self._look(table, session, self.competition_id)

    def place_from_postgres(self, session: Session, frozen: FrozenBoard | None) -> Place | None:
        """Read the caller's own place from a standing or the table."""
        if frozen is not None:
            return frozen_board.places(session, frozen, [self.me])[self.me]
        return table.places(session, self.competition_id, [self.me])[self.me]

    def _look(self, views: Views[Board], session: Session, board: Board) -> Page | None:
        query = self.query
        if query.users is not None:
            return views.users(session, board, query.users.split(","))
        if query.around is not None:
            return views.around(session, board, self.centre, query.rows)
        return views.page(session, board, query.start, query.rows)
