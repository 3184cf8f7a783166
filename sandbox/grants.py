"""Consent to Google access: codes, refresh tokens and access tokens.

Every token carries its own facts under a signature, so a restart forgets none of them; the store
only remembers what made them invalid.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterable
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from sandbox.clock import SandboxClock
from sandbox.oauth_errors import OAuthError
from sandbox.store import KeptGrant, Store
from sandbox.streams import ACTIVITY, LOCATION, SCOPE_PREFIX

ACCESS_TOKEN_LIFE_S = 3599
CODE_LIFE_S = 600
DEFAULT_SCOPES = (ACTIVITY, LOCATION, "openid")
EVERYONE = "*"

_ANY_REDIRECT = (None, "", "postmessage")
"""What mobile SDKs and pop-ups send with a code that was not bound to a redirect address."""


class Grants:
    def __init__(self, store: Store, clock: SandboxClock, seed: int) -> None:
        self._store = store
        self._clock = clock
        secret = f"podium-sandbox-{seed}"
        self._codes = URLSafeSerializer(secret, "code")
        self._refresh = URLSafeSerializer(secret, "refresh")
        self._access = URLSafeSerializer(secret, "access")

    def mint_code(
        self,
        person: str,
        scopes: Iterable[str] = (),
        *,
        force: bool = False,
        redirect_uri: str | None = None,
        challenge: str | None = None,
        challenge_method: str = "S256",
    ) -> str:
        """A single-use code. `force` asks for a refresh token although one was handed out."""
        facts = {
            "p": person,
            "s": " ".join(map(full_scope, scopes)) or " ".join(DEFAULT_SCOPES),
            "n": secrets.token_urlsafe(9),
            "x": self._clock.now_ms() + CODE_LIFE_S * 1000,
            "f": force,
            "r": redirect_uri,
            "c": challenge,
            "m": challenge_method,
        }
        return "4/0" + str(self._codes.dumps(facts))

    def redeem(
        self, code: str, redirect_uri: str | None, verifier: str | None
    ) -> tuple[str, str, str | None]:
        """The person, the granted scopes and, on first consent, a refresh token."""
        facts = _read(self._codes, "4/0", code)
        if facts is None or facts["n"] in self._store.state.used_codes:
            raise OAuthError.invalid_grant("Malformed auth code." if facts is None else None)
        if facts["x"] < self._clock.now_ms():
            raise OAuthError.invalid_grant()
        if redirect_uri != facts["r"] and (facts["r"] or redirect_uri not in _ANY_REDIRECT):
            raise OAuthError.redirect_uri_mismatch()
        if facts["c"]:
            _check_verifier(facts["c"], facts["m"], verifier)
        return facts["p"], facts["s"], self._consume(facts)

    def _consume(self, facts: dict[str, Any]) -> str | None:
        state, now_ms = self._store.state, self._clock.now_ms()
        grant = self._grant(facts["p"])
        wanted = facts["f"] or not grant.issued
        grant.issued = True
        state.used_codes = {n: until for n, until in state.used_codes.items() if until > now_ms}
        state.used_codes[facts["n"]] = facts["x"]
        self._store.save()
        return self._refresh_token(facts["p"], facts["s"]) if wanted else None

    def refresh(self, token: str) -> tuple[str, str, str | None]:
        """The person, the granted scopes and, where tokens rotate, the new refresh token."""
        facts = _read(self._refresh, "1//", token)
        if facts is None:
            raise OAuthError.invalid_grant()
        if not self._is_live(facts):
            raise OAuthError.invalid_grant("Token has been expired or revoked.")
        return facts["p"], facts["s"], self._rotate(facts["p"], facts["s"])

    def access_token(self, person: str, scopes: str) -> str:
        grant = self._grant(person)
        facts = {
            "p": person,
            "s": scopes,
            "e": [grant.epoch, grant.access_epoch],
            "x": self._clock.now_ms() + ACCESS_TOKEN_LIFE_S * 1000,
            "n": secrets.token_urlsafe(6),
        }
        return "ya29." + str(self._access.dumps(facts))

    def who(self, access_token: str) -> tuple[str, frozenset[str]] | None:
        """The person and scopes of an access token, or None if it is not (or no longer) good."""
        facts = _read(self._access, "ya29.", access_token)
        if facts is None:
            return None
        grant = self._grant(facts["p"])
        if self._clock.now_ms() >= facts["x"] or facts["e"] != [grant.epoch, grant.access_epoch]:
            return None
        return facts["p"], frozenset(facts["s"].split())

    def owner(self, token: str) -> str | None:
        """Whose token or code this is, good or not."""
        readers = ((self._access, "ya29."), (self._refresh, "1//"), (self._codes, "4/0"))
        for serializer, prefix in readers:
            if facts := _read(serializer, prefix, token):
                return str(facts["p"])
        return None

    def live_owner(self, token: str) -> str | None:
        """Whose access or refresh token this is, if it is still good."""
        facts = _read(self._refresh, "1//", token)
        if facts is not None:
            return str(facts["p"]) if self._is_live(facts) else None
        known = self.who(token)
        return known and known[0]

    def revoke(self, person: str) -> None:
        """The grant is gone, with every token that came from it."""
        grant = self._grant(person)
        grant.epoch += 1
        grant.issued = False
        grant.generation = grant.previous_until_ms = 0
        self._store.save()

    def expire_access(self, person: str) -> None:
        """Every access token handed out so far stops working; the grant stays."""
        self._grant(person).access_epoch += 1
        self._store.save()

    def set_rotation(self, person: str, grace_s: int | None) -> None:
        """`person` may be `*`. A `grace_s` of None switches rotation off."""
        if grace_s is None:
            self._store.state.rotating.pop(person, None)
        else:
            self._store.state.rotating[person] = grace_s
        self._store.save()

    def set_refresh_lifetime(self, seconds: int | None) -> None:
        self._store.state.refresh_lifetime_s = seconds
        self._store.save()

    def _grant(self, person: str) -> KeptGrant:
        return self._store.state.grants.setdefault(person, KeptGrant())

    def _refresh_token(self, person: str, scopes: str) -> str:
        grant = self._grant(person)
        facts = {
            "p": person,
            "s": scopes,
            "e": grant.epoch,
            "g": grant.generation,
            "i": self._clock.now_ms(),
        }
        return "1//" + str(self._refresh.dumps(facts))

    def _is_live(self, facts: dict[str, Any]) -> bool:
        grant, now_ms = self._grant(facts["p"]), self._clock.now_ms()
        lifetime_s = self._store.state.refresh_lifetime_s
        if lifetime_s is not None and facts["i"] + lifetime_s * 1000 < now_ms:
            return False
        if facts["e"] != grant.epoch:
            return False
        if facts["g"] == grant.generation:
            return True
        return bool(facts["g"] == grant.generation - 1 and now_ms < grant.previous_until_ms)

    def _rotate(self, person: str, scopes: str) -> str | None:
        rotating = self._store.state.rotating
        grace_s = rotating.get(person, rotating.get(EVERYONE))
        if grace_s is None:
            return None
        grant = self._grant(person)
        grant.generation += 1
        grant.previous_until_ms = self._clock.now_ms() + grace_s * 1000
        self._store.save()
        return self._refresh_token(person, scopes)


def full_scope(scope: str) -> str:
    """`fitness.activity.read` and the whole address mean the same."""
    if scope in ("openid", "email", "profile") or scope.startswith("https://"):
        return scope
    return SCOPE_PREFIX + scope


def _check_verifier(challenge: str, method: str, verifier: str | None) -> None:
    if verifier is None:
        raise OAuthError.invalid_grant("Missing code verifier.")
    digest = hashlib.sha256(verifier.encode()).digest()
    hashed = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if not secrets.compare_digest(challenge, hashed if method == "S256" else verifier):
        raise OAuthError.invalid_grant("Invalid code verifier.")


def _read(serializer: URLSafeSerializer, prefix: str, token: str) -> dict[str, Any] | None:
    if not token.startswith(prefix):
        return None
    try:
        facts: dict[str, Any] = serializer.loads(token.removeprefix(prefix))
    except BadData:
        return None
    return facts
