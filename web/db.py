"""What a web process holds open: made at first use, so nothing crosses gunicorn's fork."""

import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, cast

from flask import current_app
from sqlalchemy import Engine

from domain.competitions import frozen_board
from domain.database import make_engine
from domain.errors import Conflict
from domain.fitness.google_oauth import GoogleOAuth
from domain.fitness.vault import Vault
from domain.leaderboards.names import Names
from domain.leaderboards.reader import Reading
from domain.leaderboards.store import BoardStore
from domain.redis import Redis, make_redis
from domain.settings import Settings
from web.board_facts import BoardFacts
from web.board_pages import BoardPages
from web.board_table import BoardTable
from web.counters import watch_pool
from web.gathering import GatheringBoards, GatheringNames
from web.limiter import Limiter, make_limiter
from web.live.bells import Bells
from web.live.positions import Positions
from web.live.tickets import Tickets
from web.people import People
from web.services import Services
from web.tokens import TokenVerifier
from worker.app import make_app
from worker.doorbell import Doorbell
from worker.unit import Unit, unit_of_work

if TYPE_CHECKING:
    from domain.payouts.rails.stripe_accounts import StripeAccounts

EXTENSION = "podium"
KEPT = 10
"""Connections to PostgreSQL that a process keeps; as many again come and go."""


class Front:
    """The engine, the Redis client and what is remembered between requests."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def engine(self) -> Engine:
        """Sized for greenlets: requests wait for a connection, sockets hold none."""
        engine = make_engine(self.settings.database_url, pool_size=KEPT, max_overflow=KEPT)
        watch_pool(engine, 2 * KEPT)
        return engine

    @cached_property
    def redis(self) -> Redis:
        """The client for short commands."""
        return make_redis(self.settings.redis_url)

    @cached_property
    def doorbell(self) -> Doorbell:
        """Wakes the workers."""
        return Doorbell(make_app(self.settings), self.redis)

    @cached_property
    def boards(self) -> BoardStore:
        """Rankings in Redis."""
        return GatheringBoards(self.redis)

    @cached_property
    def names(self) -> Names:
        """Display names by user id."""
        return GatheringNames(self.redis, self.engine)

    @cached_property
    def bells(self) -> Bells:
        """The one subscription to Redis."""
        return Bells(self.settings.redis_url)

    @cached_property
    def positions(self) -> Positions:
        """Where each followed board stands; shared with the sockets."""
        return Positions(self.bells, self.boards)

    @cached_property
    def tokens(self) -> TokenVerifier:
        """Checks sign-in tokens."""
        return TokenVerifier(self.settings)

    @cached_property
    def tickets(self) -> Tickets:
        """Credentials for addresses."""
        return Tickets(self.redis)

    @cached_property
    def limiter(self) -> Limiter:
        """Counts calls."""
        return make_limiter(self.settings.redis_url)

    @cached_property
    def people(self) -> People:
        """Who is behind a checked token."""
        return People(self.unit)

    @cached_property
    def services(self) -> Services:
        """Who is behind a key."""
        return Services(self.unit)

    @cached_property
    def facts(self) -> BoardFacts:
        """Who may see which board."""
        return BoardFacts(self.unit)

    @cached_property
    def board_pages(self) -> BoardPages:
        """Boards as bytes."""
        return BoardPages(self.positions, self.boards, self.names)

    @cached_property
    def board_table(self) -> BoardTable:
        """Boards from PostgreSQL."""
        return BoardTable(self.unit, self.names)

    @cached_property
    def google(self) -> GoogleOAuth:
        """Google's OAuth endpoints."""
        return GoogleOAuth(self.settings)

    @cached_property
    def vault(self) -> Vault:
        """Seals vendors' tokens."""
        return Vault(self.settings.token_keys)

    @cached_property
    def stripe(self) -> "StripeAccounts":
        """Winners' accounts at Stripe. Raises Conflict (`rail_off`)."""
        # Not at the top: see `domain.payouts.rails.hosted`.
        from domain.payouts.rails.stripe_accounts import open_accounts

        accounts = open_accounts(self.settings)
        if accounts is None:
            raise Conflict("Stripe is not set up here.", code="rail_off")
        return accounts

    def close(self) -> None:
        """Stop what listens and close what was opened."""
        opened = self.__dict__
        for listener in ("positions", "bells"):
            if listener in opened:
                opened[listener].stop()
        if "engine" in opened:
            self.engine.dispose()
        if "redis" in opened:
            self.redis.close()

    def finished_board(self, competition_id: uuid.UUID, user_ids: Sequence[str]) -> Reading | None:
        """Return the top of a finished board and people's places, from PostgreSQL."""
        with self.unit() as unit:
            return frozen_board.finished_board(unit.session, competition_id, user_ids)

    def unit(self) -> AbstractContextManager[Unit]:
        """Open a unit of work."""
        return unit_of_work(self.engine)


def front() -> Front:
    """Return the current application's own."""
    return cast("Front", current_app.extensions[EXTENSION])
