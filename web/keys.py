"""The public keys that sign people's tokens."""

import time
from typing import Any

import structlog
from jwt import PyJWK, PyJWKClient
from jwt.exceptions import PyJWKClientError, PyJWKSetError, PyJWTError

from domain.errors import Unavailable

log = structlog.get_logger(__name__)

FETCH_SECONDS = 3
FRESH_SECONDS = 300
COOLDOWN_SECONDS = 30
"""An unknown key id causes one fetch in this time, however many such tokens come."""
KEPT_SECONDS = 24 * 3600
"""Known keys serve this long while their source is down."""
DOWN_SECONDS = 5
"""After a failed fetch nobody waits for another one so long."""


class UnknownKey(Exception):
    """No published key has this id."""


class SigningKeys(PyJWKClient):
    """PyJWT's client, which also outlives an outage of the source.

    The address comes from the settings; nothing in a token can change it.
    """

    def __init__(self, url: str) -> None:
        super().__init__(
            url,
            timeout=FETCH_SECONDS,
            lifespan=FRESH_SECONDS,
            cooldown_duration=COOLDOWN_SECONDS,
        )
        self._kept: Any = None
        self._kept_at = 0.0
        self._down_until = 0.0

    def prepare(self) -> bool:
        """Fetch the keys unless they are known; say whether they are."""
        if self._kept is None:
            try:
                self.get_jwk_set()
            except PyJWTError as error:
                log.warning("keys.not_prepared", error=str(error))
        return self._kept is not None

    def find(self, kid: str) -> PyJWK:
        """Return the key. Raises UnknownKey, or Unavailable when none was ever fetched."""
        try:
            return self.get_signing_key(kid)
        except PyJWKClientError as error:
            if self._kept is None:
                raise Unavailable(
                    "The keys that sign tokens cannot be reached.", code="sign_in_unavailable"
                ) from error
            raise UnknownKey(kid) from error
        except PyJWTError as error:
            raise UnknownKey(kid) from error

    def fetch_data(self) -> Any:
        """Fetch the set, or return the last good one while the source is down.

        A set without usable keys is an answer, not an outage: the old keys end there.
        """
        now = time.monotonic()
        if now < self._down_until:
            return self._last_good(now, "asked a moment ago")
        try:
            self._kept = super().fetch_data()
        except PyJWKSetError:
            self._kept, self._kept_at = {"keys": []}, now
            self._down_until = now + DOWN_SECONDS
            raise
        except (PyJWKClientError, OSError, ValueError) as error:
            self._down_until = time.monotonic() + DOWN_SECONDS
            return self._last_good(now, str(error))
        self._kept_at = now
        return self._kept

    def _last_good(self, now: float, reason: str) -> Any:
        if self._kept is None or now - self._kept_at > KEPT_SECONDS:
            self._kept = None
            raise PyJWKClientError(f"no keys: {reason}")
        log.warning("keys.source_down", reason=reason)
        return self._kept
