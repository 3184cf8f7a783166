"""Sign-in tokens of Supabase Auth: checked once, then remembered until they expire."""

import hashlib
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import jwt
from pydantic import ValidationError

from domain import clock
from domain.settings import Settings
from web.bounded import BoundedMap
from web.errors import Unauthorised
from web.identity import Claims, Identity
from web.keys import SigningKeys, UnknownKey

LONGEST = 8192
"""Characters of the longest token that is looked at."""
LEEWAY_SECONDS = 30
AUDIENCE = "authenticated"
ALGORITHMS = frozenset({"ES256", "RS256", "EdDSA"})
"""What a published key may sign with. The shared secret has a verifier of its own."""
REQUIRED = ["exp", "iat", "sub", "aud", "iss", "role", "session_id"]
SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
REMEMBERED = 20_000


class TokenVerifier:
    """Turns a token into an Identity, or raises Unauthorised. Needs no request."""

    def __init__(self, settings: Settings) -> None:
        self._issuer = f"{settings.supabase_url}/auth/v1"
        self._secret = settings.supabase_jwt_secret
        self._keys = SigningKeys(f"{self._issuer}/.well-known/jwks.json")
        self._known: BoundedMap[bytes, Identity] = BoundedMap(REMEMBERED)

    def prepare(self) -> bool:
        """Get the published keys before anybody comes; say whether tokens can be checked."""
        return self._secret is not None or self._keys.prepare()

    def verify(self, token: str) -> Identity:
        """Check a token. Raises Unauthorised, or Unavailable when no key was ever fetched."""
        if len(token) > LONGEST:
            raise Unauthorised("The token is too long.")
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        identity = self._known.get(digest)
        if identity is None:
            identity = self._check(token)
            self._known.put(digest, identity)
        elif identity.expired(clock.now(), LEEWAY_SECONDS):
            self._known.drop(digest)
            raise Unauthorised("The token has expired.", code="token_expired")
        return identity

    def _check(self, token: str) -> Identity:
        if not SHAPE.fullmatch(token):
            raise Unauthorised("This is not a sign-in token.")
        try:
            header, payload, _ = (_canonical(part) for part in token.split("."))
            key, algorithm = self._key(_object(header))
            _object(payload)
            claims = Claims.model_validate(self._decode(token, key, algorithm))
        except jwt.ExpiredSignatureError as error:
            raise Unauthorised("The token has expired.", code="token_expired") from error
        except (
            jwt.PyJWTError,
            ValidationError,
            UnknownKey,
            ValueError,
            TypeError,
            OverflowError,
            RecursionError,
        ) as error:
            raise Unauthorised("The token is not valid here.") from error
        return claims.identity()

    def _key(self, header: dict[str, Any]) -> tuple[Any, str]:
        """Choose by the header which of our keys must have signed; it can choose nothing else."""
        if header.keys() & {"crit", "b64"} or str(header.get("typ", "JWT")).upper() != "JWT":
            raise ValueError("unsupported header")
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm == "HS256" and self._secret is not None:
            return self._secret, algorithm
        if algorithm not in ALGORITHMS or not isinstance(kid, str):
            raise ValueError("unsupported algorithm")
        key = self._keys.find(kid)
        if key.algorithm_name != algorithm:
            raise ValueError("the key signs with another algorithm")
        return key.key, algorithm

    def _decode(self, token: str, key: Any, algorithm: str) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=AUDIENCE,
            issuer=self._issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": REQUIRED},
        )


def _canonical(part: str) -> bytes:
    """Decode base64url, refusing spare bits: one token has one spelling."""
    decoded = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if urlsafe_b64encode(decoded).rstrip(b"=") != part.encode():
        raise ValueError("not canonical base64url")
    return decoded


def _object(text: bytes) -> dict[str, Any]:
    """Parse a JSON object, refusing what two parsers may read differently."""
    parsed = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_refuse)
    if not isinstance(parsed, dict):
        raise TypeError("not an object")
    return parsed


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
