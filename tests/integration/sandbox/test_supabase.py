import json
import uuid
from typing import Any

import jwt
import pytest

from sandbox.people import make_person
from sandbox.world import World
from tests.conftest import SHARED
from tests.integration.sandbox.conftest import Visitor

WALKER = "walker-001@sandbox.test"


def verified(visitor: Visitor, token: str) -> dict[str, Any]:
    """The claims, checked as Podium must check them."""
    keys = jwt.PyJWKClient(f"{visitor.url}/auth/v1/.well-known/jwks.json", cache_keys=False)
    key = keys.get_signing_key_from_jwt(token)
    claims: dict[str, Any] = jwt.decode(
        token,
        key.key,
        algorithms=["ES256"],
        audience="authenticated",
        issuer=f"{visitor.url}/auth/v1",
        options={"require": ["exp", "iat", "sub", "aud", "iss"]},
    )
    return claims


def test_a_person_signs_in(visitor: Visitor) -> None:
    answer = visitor.sign_in(WALKER.upper())
    assert answer.status_code == 200
    body = answer.json()
    person = make_person(1, 1)
    assert (body["token_type"], body["expires_in"]) == ("bearer", 3600)
    claims = verified(visitor, body["access_token"])
    assert claims["sub"] == body["user"]["id"] == person.sub
    assert uuid.UUID(claims["sub"]).version == 4
    assert uuid.UUID(claims["session_id"]).version == 4
    assert claims["exp"] == body["expires_at"]
    assert claims["user_metadata"] == {"name": person.display_name, "timezone": person.timezone}
    assert "role" not in claims["app_metadata"]


def test_the_operator_is_an_admin(visitor: Visitor) -> None:
    claims = verified(visitor, visitor.sign_in("admin@sandbox.test").json()["access_token"])
    assert claims["app_metadata"]["role"] == "admin"
    assert claims["role"] == "authenticated"


def test_claims_are_those_of_the_documented_example(visitor: Visitor) -> None:
    example = SHARED / "data" / "supabase" / "claims_authenticated.json"
    if not example.exists():
        pytest.skip("no captured claims at hand")
    claims = verified(visitor, visitor.sign_in(WALKER).json()["access_token"])
    documented = json.loads(example.read_text())
    assert claims.keys() == documented.keys()
    assert {k: type(v) for k, v in claims.items()} == {k: type(v) for k, v in documented.items()}


@pytest.mark.parametrize(
    ("email", "password"),
    [(WALKER, "wrong"), ("nobody@sandbox.test", "podium"), ("admin@sandbox.test", "")],
)
def test_wrong_credentials_are_refused(visitor: Visitor, email: str, password: str) -> None:
    answer = visitor.sign_in(email, password)
    assert answer.status_code == 400
    assert answer.json() == {
        "code": 400,
        "error_code": "invalid_credentials",
        "msg": "Invalid login credentials",
    }


def test_newer_clients_get_the_name_in_code(visitor: Visitor) -> None:
    visitor.http.headers["X-Supabase-Api-Version"] = "2024-01-01"
    assert visitor.sign_in(WALKER, "wrong").json() == {
        "code": "invalid_credentials",
        "message": "Invalid login credentials",
    }


def test_a_session_is_refreshed(visitor: Visitor) -> None:
    first = visitor.sign_in(WALKER).json()
    url = f"{visitor.url}/auth/v1/token?grant_type=refresh_token"
    second = visitor.http.post(url, json={"refresh_token": first["refresh_token"]}).json()
    assert second["refresh_token"] != first["refresh_token"]
    before, after = (verified(visitor, body["access_token"]) for body in (first, second))
    assert before["session_id"] == after["session_id"]
    refused = visitor.http.post(url, json={"refresh_token": "nonsense"})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "refresh_token_not_found")


@pytest.mark.parametrize(
    ("grant", "content", "name"),
    [("magic", b"{}", "invalid_credentials"), ("password", b"[", "bad_json")],
)
def test_other_requests_are_refused(
    visitor: Visitor, grant: str, content: bytes, name: str
) -> None:
    url = f"{visitor.url}/auth/v1/token?grant_type={grant}"
    assert visitor.http.post(url, data=content).json()["error_code"] == name


def test_keys_rotate_and_are_revoked(visitor: Visitor) -> None:
    old = visitor.sign_in(WALKER).json()["access_token"]
    visitor.act("/keys/rotate")
    new = visitor.sign_in(WALKER).json()["access_token"]
    old_kid, new_kid = (jwt.get_unverified_header(token)["kid"] for token in (old, new))
    assert old_kid != new_kid
    assert verified(visitor, old)
    assert verified(visitor, new)
    visitor.act(f"/keys/{old_kid}/revoke")
    assert verified(visitor, new)
    with pytest.raises(jwt.PyJWKClientError):
        verified(visitor, old)


@pytest.mark.parametrize("origin", ["http://localhost:8000", "http://127.0.0.1:39001"])
@pytest.mark.parametrize("path", ["/auth/v1/token?grant_type=password", "/control/people"])
def test_a_page_on_another_local_port_may_call(visitor: Visitor, origin: str, path: str) -> None:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = visitor.http.options(visitor.url + path, headers=asked)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "content-type" in answer.headers["Access-Control-Allow-Headers"]
    foreign = visitor.http.options(
        visitor.url + path, headers=asked | {"Origin": "https://localhost.example.org"}
    )
    assert "Access-Control-Allow-Origin" not in foreign.headers


def test_the_issuer_is_the_public_url(world: World, visitor: Visitor) -> None:
    world.public_url = "https://auth.sandbox.test"
    token = visitor.sign_in(WALKER).json()["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["iss"] == "https://auth.sandbox.test/auth/v1"
