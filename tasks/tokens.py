"""Access tokens for a batch of pulls, renewed once for all workers."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager

from cryptography.fernet import InvalidToken
from redis.exceptions import RedisError

from domain import clock
from domain.errors import Retryable
from domain.fitness.google_oauth import GoogleOAuth, GrantGone
from domain.fitness.queue import Claim
from domain.fitness.tokens import Tokens, read_tokens, replace_tokens, require_reauth
from domain.fitness.vault import Vault
from domain.lease import lease
from domain.redis import Redis
from worker.unit import Unit

LEASE_MS = 15_000
"""Longer than a refresh may take."""


class TokenUnreadable(Retryable):
    """No key of ours opens the stored token: one was dropped before `tokens rotate` had ended."""

    code = "token_unreadable"


class TokenKeeper:
    """Opens and renews tokens. Thread-safe; no unit is open while Google is asked."""

    def __init__(
        self,
        unit: Callable[[], AbstractContextManager[Unit]],
        redis: Redis,
        oauth: GoogleOAuth,
        vault: Vault,
    ) -> None:
        self._unit = unit
        self._redis = redis
        self._oauth = oauth
        self._vault = vault

    def current(self, claim: Claim) -> str | None:
        """Return the claimed access token while it lasts, else None."""
        if claim.token_expires_at <= clock.now():
            return None
        try:
            return self._vault.open(claim.access_token)
        except InvalidToken as error:
            raise TokenUnreadable("The stored token cannot be opened.") from error

    def renewed(self, claim: Claim) -> str:
        """Return a token newer than the claim's. Raises GrantGone, Retryable or Refused."""
        try:
            with lease(self._redis, f"token:{claim.connection_id}", LEASE_MS) as held:
                known = self._read(claim.connection_id)
                if known.version != claim.token_version:
                    return known.access_token
                if not held:
                    raise Retryable("Another worker is renewing this token.")
                return self._renew(claim.connection_id, known)
        except RedisError as error:
            raise Retryable("Redis did not answer.") from error
        except InvalidToken as error:
            raise TokenUnreadable("The stored token cannot be opened.") from error

    def _renew(self, connection_id: uuid.UUID, known: Tokens) -> str:
        try:
            grant = self._oauth.refresh(known.refresh_token)
        except GrantGone:
            with self._unit() as unit:
                gone = require_reauth(unit.session, connection_id, known, clock.now())
            if gone:
                raise
            return self._read(connection_id).access_token
        with self._unit() as unit:
            stored = replace_tokens(unit.session, self._vault, connection_id, known, grant)
        # A new refresh token is used only once it is committed; if another's stands, use that.
        return grant.access_token if stored else self._read(connection_id).access_token

    def _read(self, connection_id: uuid.UUID) -> Tokens:
        with self._unit() as unit:
            tokens = read_tokens(unit.session, self._vault, connection_id)
        if tokens is None:
            raise GrantGone("The connection was ended.")
        return tokens
