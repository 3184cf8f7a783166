"""The three ways to look at a board, each from Redis or from PostgreSQL."""

import hashlib
import uuid
from dataclasses import dataclass

from sqlalchemy.orm import Session

from domain.leaderboards import table
from domain.leaderboards.board import Page, Place
from domain.leaderboards.store import BoardStore
from web.schemas.leaderboard import LeaderboardQuery

View = tuple[Page, Place | None]
"""Rows, and the caller's own place."""


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

    def from_table(self, session: Session) -> Page | None:
        """Read the rows from PostgreSQL; None when there is no such competition."""
        board, query = self.competition_id, self.query
        if query.users is not None:
            return table.users(session, board, query.users.split(","))
        if query.around is not None:
            return table.around(session, board, self.centre, query.rows)
        return table.page(session, board, query.start, query.rows)

    def place_from_table(self, session: Session) -> Place | None:
        """Read the caller's own place from PostgreSQL."""
        return table.places(session, self.competition_id, [self.me])[self.me]
