"""The ES256 keys that sign people's tokens, and their life: standby, in use, previously used,
revoked. A key is published while it is in any state but the last."""

import uuid
from enum import StrEnum
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from sandbox.store import KeptKey, Store

ALGORITHM = "ES256"


class KeyState(StrEnum):
    STANDBY = "standby"
    IN_USE = "in_use"
    PREVIOUSLY_USED = "previously_used"
    REVOKED = "revoked"


class KeyRing:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._private: dict[str, ec.EllipticCurvePrivateKey] = {}
        if not store.state.keys:
            self._add(KeyState.IN_USE)
            self._add(KeyState.STANDBY)
            store.save()

    def states(self) -> list[dict[str, str]]:
        return [{"kid": key.kid, "state": key.state} for key in self._store.state.keys]

    def sign(self, claims: dict[str, Any]) -> str:
        key = self._in(KeyState.IN_USE)
        return jwt.encode(claims, self._load(key), ALGORITHM, headers={"kid": key.kid})

    def jwks(self) -> dict[str, Any]:
        published = [key for key in self._store.state.keys if key.state != KeyState.REVOKED]
        return {"keys": [self._public(key) for key in published]}

    def rotate(self) -> None:
        """The standby key comes into use, the used one is kept for checking, a new one waits."""
        used, waiting = self._in(KeyState.IN_USE), self._in(KeyState.STANDBY)
        used.state, waiting.state = KeyState.PREVIOUSLY_USED, KeyState.IN_USE
        self._add(KeyState.STANDBY)
        self._store.save()

    def revoke(self, kid: str) -> bool:
        """Unpublish a previously used key; False if there is no such key."""
        for key in self._store.state.keys:
            if key.kid == kid and key.state == KeyState.PREVIOUSLY_USED:
                key.state = KeyState.REVOKED
                self._store.save()
                return True
        return False

    def _in(self, state: KeyState) -> KeptKey:
        return next(key for key in self._store.state.keys if key.state == state)

    def _add(self, state: KeyState) -> None:
        private = ec.generate_private_key(ec.SECP256R1())
        pem = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self._store.state.keys.append(KeptKey(kid=str(uuid.uuid4()), state=state, pem=pem.decode()))

    def _load(self, key: KeptKey) -> ec.EllipticCurvePrivateKey:
        if key.kid not in self._private:
            private = serialization.load_pem_private_key(key.pem.encode(), None)
            assert isinstance(private, ec.EllipticCurvePrivateKey)
            self._private[key.kid] = private
        return self._private[key.kid]

    def _public(self, key: KeptKey) -> dict[str, Any]:
        numbers = ECAlgorithm.to_jwk(self._load(key).public_key(), as_dict=True)
        return {
            "alg": ALGORITHM,
            "crv": numbers["crv"],
            "ext": True,
            "key_ops": ["verify"],
            "kid": key.kid,
            "kty": numbers["kty"],
            "use": "sig",
            "x": numbers["x"],
            "y": numbers["y"],
        }
