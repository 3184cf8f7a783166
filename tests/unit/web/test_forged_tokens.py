"""Tokens that must not pass: each is refused with 401, whatever library was fooled by it once."""

import json
import math
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.utils import base64url_encode

from domain.errors import Unavailable
from tests.unit.web.issuer import Issuer, settings_for
from web.errors import Unauthorised
from web.tokens import LONGEST, TokenVerifier

Forge = Callable[[Issuer], str]


def spelt(part: object) -> str:
    """Encode one part of a token."""
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(text).rstrip(b"=").decode()


def signed(issuer: Issuer, header: object, payload: object) -> str:
    """Sign any two parts with the issuer's own key, as ES256 does."""
    key = issuer.keys["es"]
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    message = f"{spelt(header)}.{spelt(payload)}"
    der = key.sign(message.encode(), ec.ECDSA(hashes.SHA256()))
    raw = jwt.utils.der_to_raw_signature(der, key.curve)
    return f"{message}.{base64url_encode(raw).decode()}"


def unsigned(algorithm: str) -> Forge:
    return lambda issuer: f"{spelt({'alg': algorithm, 'kid': 'es'})}.{spelt(issuer.claims())}.AA"


def by_public_key(encoding: str) -> Forge:
    """HS256 with what everybody knows as the secret."""

    def forge(issuer: Issuer) -> str:
        public = issuer.keys["es"].public_key()
        info = serialization.PublicFormat.SubjectPublicKeyInfo
        secrets = {
            "pem": public.public_bytes(serialization.Encoding.PEM, info),
            "der": public.public_bytes(serialization.Encoding.DER, info),
            "jwk": json.dumps(issuer.jwks()["keys"][0]).encode(),
            "jwks": json.dumps(issuer.jwks()).encode(),
        }
        header, payload = spelt({"alg": "HS256", "kid": "es"}), spelt(issuer.claims())
        key = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
        mac = key.sign(f"{header}.{payload}".encode(), secrets[encoding])
        return f"{header}.{payload}.{base64url_encode(mac).decode()}"

    return forge


def claiming(**claims: Any) -> Forge:
    return lambda issuer: issuer.token(**claims)


def with_header(**header: Any) -> Forge:
    return lambda issuer: signed(
        issuer, {"alg": "ES256", "kid": "es", "typ": "JWT", **header}, issuer.claims()
    )


def with_payload(change: Callable[[str], str]) -> Forge:
    return lambda issuer: signed(
        issuer, {"alg": "ES256", "kid": "es"}, change(json.dumps(issuer.claims())).encode()
    )


def by_another_key(issuer: Issuer) -> str:
    other = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(issuer.claims(), other, "ES256", headers={"kid": "es"})


def by_another_curve(issuer: Issuer) -> str:
    other = ec.generate_private_key(ec.SECP384R1())
    return jwt.encode(issuer.claims(), other, "ES384", headers={"kid": "es"})


def by_a_key_inside(issuer: Issuer) -> str:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(other.public_key(), as_dict=True)
    return jwt.encode(issuer.claims(), other, "RS256", headers={"kid": "es", "jwk": jwk})


def psychic(issuer: Issuer) -> str:
    parts = issuer.token().split(".")
    return f"{parts[0]}.{parts[1]}.{spelt(bytes(64))}"


def der_signature(issuer: Issuer) -> str:
    header, payload, _ = issuer.token().split(".")
    key = issuer.keys["es"]
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    der = key.sign(f"{header}.{payload}".encode(), ec.ECDSA(hashes.SHA256()))
    return f"{header}.{payload}.{spelt(der)}"


def other_spelling(issuer: Issuer) -> str:
    """The same bytes with spare bits set in the last character."""
    token = issuer.token()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(token[-1]) ^ 1]
    found = token[:-1] + last
    signature = found.rpartition(".")[2] + "=="
    assert urlsafe_b64decode(signature) == urlsafe_b64decode(token.rpartition(".")[2] + "==")
    return found


FORGED: dict[str, Forge] = {
    "nothing": lambda _: "",
    "words": lambda _: "let me in",
    "no signature": lambda issuer: issuer.token().rpartition(".")[0],
    "empty signature": lambda issuer: issuer.token().rpartition(".")[0] + ".",
    "fourth part": lambda issuer: issuer.token() + ".AA",
    "space inside": lambda issuer: issuer.token().replace(".", " .", 1),
    "line end": lambda issuer: issuer.token() + "\n",
    "padding": lambda issuer: issuer.token() + "=",
    "other spelling": other_spelling,
    "not ASCII": lambda issuer: issuer.token() + "é",
    "lone surrogate": lambda issuer: issuer.token() + "\ud800",
    "too long": lambda issuer: issuer.token(user_metadata={"name": "x" * LONGEST}),
    "five parts": lambda issuer: f"{issuer.token()}.AA.AA",
    **{f"alg {name!r}": unsigned(name) for name in ("none", "None", "nOnE", "", "HS256", "ES512")},
    **{
        f"HS256 by the public {kind}": by_public_key(kind) for kind in ("pem", "der", "jwk", "jwks")
    },
    "another key": by_another_key,
    "another curve": by_another_curve,
    "another algorithm": lambda issuer: jwt.encode(
        issuer.claims(),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "RS256",
        headers={"kid": "es"},
    ),
    "a key inside": by_a_key_inside,
    "jku": lambda issuer: by_another_key(issuer).replace(
        spelt({"alg": "ES256", "kid": "es"}), spelt({"jku": "file:///etc/passwd"})
    ),
    "signature of zeros": psychic,
    "signature in DER": der_signature,
    "crit": with_header(crit=["exp"], exp=1),
    "b64": with_header(b64=False),
    "no kid": with_header(kid=None),
    "kid of another type": with_header(kid=["es"]),
    "kid with a path": with_header(kid="../../es"),
    "kid with SQL": with_header(kid="es' OR '1'='1"),
    "kid twice": lambda issuer: signed(
        issuer, b'{"alg":"ES256","kid":"es","kid":"es"}', issuer.claims()
    ),
    "header no object": lambda issuer: signed(issuer, ["ES256"], issuer.claims()),
    "encrypted": with_header(typ="JWE"),
    "sub twice": with_payload(lambda text: text[:-1] + f', "sub": "{uuid.uuid4()}"}}'),
    "payload no object": with_payload(lambda _: '"authenticated"'),
    "payload no JSON": with_payload(lambda text: text[:-1]),
    "nested deep": with_payload(lambda text: text[:-1] + ', "x": ' + "[" * 5000 + "}"),
    "iss of another project": claiming(iss="https://other.supabase.co/auth/v1"),
    "iss longer": lambda issuer: issuer.token(iss=f"{issuer.url}/auth/v1/more"),
    "iss shorter": lambda issuer: issuer.token(iss=issuer.url),
    "iss list": lambda issuer: with_payload(
        lambda text: json.dumps({**json.loads(text), "iss": [f"{issuer.url}/auth/v1"]})
    )(issuer),
    "no iss": claiming(iss=None),
    "no aud": claiming(aud=None),
    "other aud": claiming(aud="anon"),
    "aud for others too": claiming(aud=["authenticated", "other"]),
    "no exp": claiming(exp=None),
    "exp of text": claiming(exp="tomorrow"),
    "exp of digits": claiming(exp="9999999999"),
    "exp past": claiming(exp=1),
    "exp NaN": claiming(exp=math.nan),
    "exp infinite": with_payload(lambda text: text.replace('"exp": ', '"exp": 1e400, "_": ')),
    "exp huge": claiming(exp=10**30),
    "nbf later": claiming(nbf=4_000_000_000),
    "iat later": claiming(iat=4_000_000_000, exp=4_000_003_600),
    "no iat": claiming(iat=None),
    "no sub": claiming(sub=None),
    "sub no UUID": claiming(sub="me"),
    "sub number": lambda issuer: with_payload(
        lambda text: json.dumps({**json.loads(text), "sub": 7})
    )(issuer),
    "no role": claiming(role=None),
    "role anon": claiming(role="anon"),
    "role service": claiming(role="service_role"),
    "API key": lambda issuer: issuer.sign(
        {"iss": "supabase", "ref": "abc", "role": "anon", "iat": 1, "exp": 4_000_000_000}
    ),
    "anonymous": claiming(is_anonymous=True),
    "no session": claiming(session_id=None),
    "Google's": claiming(iss="https://accounts.google.com", aud="client", role=None),
}


@pytest.fixture(params=["published keys", "a shared secret too"])
def verifier(request: pytest.FixtureRequest, issuer: Issuer) -> TokenVerifier:
    secret = {"SUPABASE_JWT_SECRET": "a-shared-secret-of-the-old-kind-which-is-long-enough"}
    both = request.param == "a shared secret too"
    return TokenVerifier(settings_for(issuer, **(secret if both else {})))


def test_is_refused(issuer: Issuer, verifier: TokenVerifier) -> None:
    verifier.verify(issuer.token())
    passed = []
    for name, forge in FORGED.items():
        token = forge(issuer)
        for _ in range(2):
            try:
                verifier.verify(token)
            except Unauthorised:
                continue
            passed.append(name)
    assert passed == []


def test_set_of_another_host_is_not_fetched(issuer: Issuer, verifier: TokenVerifier) -> None:
    issuer.status, issuer.location = 302, f"{issuer.url}/elsewhere"
    with pytest.raises(Unavailable):
        verifier.verify(issuer.token())
    assert issuer.fetches == 1
