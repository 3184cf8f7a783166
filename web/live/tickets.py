"""Tickets: a credential for an address, where a token must not stand because addresses are logged.

A ticket opens one socket, or one event stream. A browser comes back to a stream at the same
address, so the ticket stays good there, and nowhere else, as long as the token that it stands for.
Redis knows only digests of tickets.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from domain import clock
from domain.redis import Redis
from web.errors import Unauthorised
from web.identity import Identity
from web.tokens import LEEWAY_SECONDS

TICKET_SECONDS = 30
"""From the contract, section 5."""

LONGEST = 100
_identity: TypeAdapter[Identity] = TypeAdapter(Identity)


class Tickets:
    """Gives out tickets and takes them back. Raises `redis.RedisError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def give(self, identity: Identity) -> tuple[str, datetime]:
        """Return a new ticket for someone, and when it ends if nobody uses it."""
        ticket = secrets.token_urlsafe(32)
        document = _identity.dump_json(identity)
        self._redis.set(_unused(ticket), document, ex=TICKET_SECONDS)
        return ticket, clock.now() + timedelta(seconds=TICKET_SECONDS)

    def take(self, ticket: str) -> Identity:
        """Use a ticket up. Raises Unauthorised for one that is used, too old or invented."""
        return _holder(self._redis.getdel(_unused(ticket)))

    def take_for(self, stream: str, ticket: str) -> Identity:
        """Bind a ticket to a stream, or use it there again. Raises Unauthorised."""
        bound = _bound(stream, ticket)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.renamenx(_unused(ticket), bound)
            pipe.get(bound)
            renamed, document = pipe.execute(raise_on_error=False)
        identity = _holder(document)
        if renamed is True:
            ends = int(identity.expires_at.timestamp()) + LEEWAY_SECONDS
            self._redis.expireat(bound, ends)
        return identity


def _holder(document: object) -> Identity:
    if not isinstance(document, bytes):
        raise Unauthorised("This ticket is not good, or no more.", code="ticket_refused")
    identity = _identity.validate_json(document)
    if identity.expired(clock.now(), LEEWAY_SECONDS):
        raise Unauthorised("The token has expired.", code="token_expired")
    return identity


def _unused(ticket: str) -> str:
    return f"live:ticket:{_digest(ticket[:LONGEST])}"


def _bound(stream: str, ticket: str) -> str:
    return f"live:stream:{_digest(f'{stream} {ticket[:LONGEST]}')}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
