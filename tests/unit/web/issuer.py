"""A project of Supabase Auth on a free port: signs tokens and publishes its keys."""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from domain.settings import Settings

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass
class Issuer:
    """Its keys by id, what its address answers, and how often it was asked."""

    url: str = ""
    keys: dict[str, Private] = field(default_factory=dict)
    status: int = 200
    location: str | None = None
    raw: bytes | None = None
    fetches: int = 0

    def __post_init__(self) -> None:
        self.keys["es"] = ec.generate_private_key(ec.SECP256R1())

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Claims as Supabase gives them; a change to None leaves one out."""
        now = int(time.time())
        usual = {
            "iss": f"{self.url}/auth/v1",
            "aud": "authenticated",
            "sub": str(uuid.uuid4()),
            "role": "authenticated",
            "session_id": str(uuid.uuid4()),
            "iat": now,
            "exp": now + 3600,
            "aal": "aal1",
            "is_anonymous": False,
            "app_metadata": {"provider": "email"},
            "user_metadata": {"name": "Ada", "timezone": "Europe/Berlin"},
        }
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def token(self, kid: str = "es", **changes: Any) -> str:
        """Sign claims with one of the keys."""
        return self.sign(self.claims(**changes), kid)

    def sign(self, claims: dict[str, Any], kid: str = "es", **header: Any) -> str:
        """Sign what is given."""
        key = self.keys[kid]
        return jwt.encode(claims, key, algorithm_of(key), headers={"kid": kid, **header})

    def jwks(self) -> dict[str, Any]:
        """The public keys."""
        return {"keys": [public_jwk(kid, key) for kid, key in self.keys.items()]}


def algorithm_of(key: Private) -> str:
    """The algorithm that Supabase uses with this kind of key."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return "ES256"
    return "RS256" if isinstance(key, rsa.RSAPrivateKey) else "EdDSA"


def public_jwk(kid: str, key: Private) -> dict[str, Any]:
    """The key as its set shows it."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    elif isinstance(key, rsa.RSAPrivateKey):
        public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        public = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**public, "kid": kid, "use": "sig", "alg": algorithm_of(key)}


@contextmanager
def serving() -> Iterator[Issuer]:
    """Serve an issuer within the block."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetches += 1
            body = issuer.raw if issuer.raw is not None else json.dumps(issuer.jwks()).encode()
            self.send_response(issuer.status)
            if issuer.location is not None:
                self.send_header("Location", issuer.location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the tests' output readable."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def settings_for(issuer: Issuer, **changes: str) -> Settings:
    """Settings that trust an issuer and have nothing else to reach."""
    return Settings.load(
        {
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
            "REDIS_URL": "redis://127.0.0.1:9/0",
            "SUPABASE_URL": issuer.url,
            "GOOGLE_CLIENT_ID": "client",
            "GOOGLE_CLIENT_SECRET": "secret",
            "TOKEN_KEYS": Fernet.generate_key().decode(),
            **changes,
        }
    )
