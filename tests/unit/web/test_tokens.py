"""What passes as a sign-in token."""

import uuid
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from domain import clock
from domain.errors import Unavailable
from tests.unit.web.issuer import Issuer, settings_for
from web import keys
from web.errors import Unauthorised
from web.identity import NAMELESS
from web.tokens import TokenVerifier

SECRET = "a-shared-secret-of-the-old-kind-which-is-long-enough"


def test_says_who_it_is(issuer: Issuer, verifier: TokenVerifier) -> None:
    sub = uuid.uuid4()
    identity = verifier.verify(issuer.token(sub=str(sub)))
    assert (identity.sub, identity.name, identity.timezone) == (sub, "Ada", "Europe/Berlin")
    assert not identity.is_admin


def test_only_the_server_makes_admins(issuer: Issuer, verifier: TokenVerifier) -> None:
    assert verifier.verify(issuer.token(app_metadata={"role": "admin"})).is_admin
    assert not verifier.verify(issuer.token(user_metadata={"role": "admin"})).is_admin


@pytest.mark.parametrize(
    ("metadata", "name", "timezone"),
    [
        ({}, NAMELESS, "UTC"),
        ({"name": " \x00\n ", "timezone": "../../etc/passwd"}, NAMELESS, "UTC"),
        ({"name": 7, "timezone": ["UTC"]}, NAMELESS, "UTC"),
        ({"full_name": "G\x07race", "timezone": "Asia/Kathmandu"}, "Grace", "Asia/Kathmandu"),
        ({"name": "x" * 500}, "x" * 80, "UTC"),
    ],
)
def test_takes_nothing_odd_from_what_people_write_about_themselves(
    issuer: Issuer, verifier: TokenVerifier, metadata: dict[str, object], name: str, timezone: str
) -> None:
    identity = verifier.verify(issuer.token(user_metadata=metadata))
    assert (identity.name, identity.timezone) == (name, timezone)


def test_every_kind_of_published_key_signs(issuer: Issuer, verifier: TokenVerifier) -> None:
    issuer.keys["rs"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    issuer.keys["ed"] = ed25519.Ed25519PrivateKey.generate()
    for kid in ("es", "rs", "ed"):
        assert verifier.verify(issuer.token(kid)).name == "Ada"
    assert issuer.fetches == 1


def test_is_checked_once_and_remembered_until_it_expires(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    token = issuer.token()
    verifier.verify(token)
    issuer.keys.clear()
    verifier.verify(token)
    with clock.moved(timedelta(hours=2)), pytest.raises(Unauthorised) as refused:
        verifier.verify(token)
    assert refused.value.code == "token_expired"


def test_says_when_it_has_expired(issuer: Issuer, verifier: TokenVerifier) -> None:
    with pytest.raises(Unauthorised) as refused:
        verifier.verify(issuer.token(iat=1_600_000_000, exp=1_600_003_600))
    assert refused.value.code == "token_expired"


def test_leeway_covers_clocks_that_differ(issuer: Issuer, verifier: TokenVerifier) -> None:
    now = int(clock.now().timestamp())
    verifier.verify(issuer.token(iat=now + 20, exp=now + 60))
    verifier.verify(issuer.token(iat=now - 100, exp=now - 20))


def test_shared_secret_only_where_it_is_set(issuer: Issuer, verifier: TokenVerifier) -> None:
    token = jwt.encode(issuer.claims(), SECRET, "HS256")
    with pytest.raises(Unauthorised):
        verifier.verify(token)
    old = TokenVerifier(settings_for(issuer, SUPABASE_JWT_SECRET=SECRET))
    assert old.verify(token).name == "Ada"
    assert old.verify(issuer.token()).name == "Ada"
    assert issuer.fetches == 1


def test_a_new_key_is_found_without_waiting_for_the_cache(
    issuer: Issuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "COOLDOWN_SECONDS", 0)
    verifier = TokenVerifier(settings_for(issuer))
    verifier.verify(issuer.token())
    issuer.keys["new"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert verifier.verify(issuer.token("new")).name == "Ada"


def test_unknown_keys_do_not_make_us_ask_each_time(issuer: Issuer, verifier: TokenVerifier) -> None:
    verifier.verify(issuer.token())
    for number in range(20):
        header = {"kid": f"unknown-{number}"}
        with pytest.raises(Unauthorised):
            verifier.verify(jwt.encode(issuer.claims(), issuer.keys["es"], "ES256", header))
    assert issuer.fetches == 1


def test_known_keys_outlive_an_outage(
    issuer: Issuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "FRESH_SECONDS", 1e-9)
    verifier = TokenVerifier(settings_for(issuer))
    verifier.verify(issuer.token())
    for status, raw in ((500, b"{}"), (200, b"<html>"), (200, b"[]"), (302, b"")):
        issuer.status, issuer.raw, issuer.location = status, raw, "http://127.0.0.1:9/other"
        monkeypatch.setattr(keys, "DOWN_SECONDS", 0)
        assert verifier.verify(issuer.token()).name == "Ada"
    monkeypatch.setattr(keys, "KEPT_SECONDS", 0)
    with pytest.raises(Unavailable):
        verifier.verify(issuer.token())


def test_fails_closed_when_no_key_was_ever_fetched(issuer: Issuer, verifier: TokenVerifier) -> None:
    issuer.status = 503
    for _ in range(5):
        with pytest.raises(Unavailable):
            verifier.verify(issuer.token())
    assert issuer.fetches == 1


def test_withdrawn_keys_end_although_they_were_known(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "FRESH_SECONDS", 1e-9)
    monkeypatch.setattr(keys, "DOWN_SECONDS", 0)
    verifier = TokenVerifier(settings_for(issuer))
    token, later = issuer.token(), issuer.token()
    verifier.verify(token)
    issuer.raw = b'{"keys": []}'
    with pytest.raises(Unauthorised):
        verifier.verify(later)


def test_who_signs_is_known_before_anybody_comes(issuer: Issuer, verifier: TokenVerifier) -> None:
    assert verifier.prepare()
    issuer.status = 503
    assert verifier.prepare()
    assert verifier.verify(issuer.token()).name == "Ada"
    assert issuer.fetches == 1


def test_without_keys_it_says_so_until_they_come(
    issuer: Issuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "DOWN_SECONDS", 0)
    issuer.status = 503
    assert not verifier.prepare()
    issuer.status = 200
    assert verifier.prepare()
    assert verifier.verify(issuer.token()).name == "Ada"


def test_a_shared_secret_needs_no_keys(issuer: Issuer) -> None:
    issuer.status = 503
    assert TokenVerifier(settings_for(issuer, SUPABASE_JWT_SECRET=SECRET)).prepare()
