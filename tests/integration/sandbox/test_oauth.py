import json

import google.auth.exceptions
import google.auth.transport.requests
import jwt
import pytest
from google.oauth2.credentials import Credentials

from sandbox.people import make_person
from sandbox.streams import ACTIVITY, LOCATION
from tests.conftest import SHARED
from tests.integration.sandbox.conftest import CLIENT, Visitor

WALKER = "walker-001"


def credentials(visitor: Visitor, refresh_token: str) -> Credentials:
    return Credentials(  # type: ignore[no-untyped-call]  # the library is typed in part
        None, refresh_token=refresh_token, token_uri=f"{visitor.url}/token", **CLIENT
    )


def refresh(them: Credentials) -> str:
    """Refresh and give the new access token."""
    them.refresh(google.auth.transport.requests.Request())  # type: ignore[no-untyped-call]  # typed in part
    return str(them.token)


def test_a_code_gives_tokens_and_says_who(visitor: Visitor) -> None:
    granted = visitor.connect(WALKER)
    assert granted["expires_in"] == 3599
    assert granted["token_type"] == "Bearer"
    assert granted["scope"].split() == [ACTIVITY, LOCATION, "openid"]
    claims = jwt.decode(granted["id_token"], options={"verify_signature": False})
    assert claims["sub"] == make_person(1, 1).google_sub
    assert claims["aud"] == CLIENT["client_id"]
    assert "refresh_token" in granted
    assert "refresh_token" not in visitor.connect(WALKER)
    assert "refresh_token" in visitor.connect(WALKER, prompt="consent")


def test_scopes_can_be_left_out(visitor: Visitor) -> None:
    granted = visitor.connect(WALKER, scopes="fitness.activity.read")
    assert granted["scope"] == ACTIVITY
    assert "id_token" not in granted


def test_google_auth_refreshes(visitor: Visitor) -> None:
    refreshed = credentials(visitor, visitor.connect(WALKER)["refresh_token"])
    token = refresh(refreshed)
    assert visitor.fit(token, "dataSources").status_code == 200


def test_google_auth_takes_a_rotated_refresh_token(visitor: Visitor) -> None:
    first = visitor.connect(WALKER)["refresh_token"]
    visitor.control("/oauth/rotation", enabled=True, person=WALKER)
    rotating = credentials(visitor, first)
    refresh(rotating)
    assert rotating.refresh_token != first
    refresh(rotating)
    with pytest.raises(google.auth.exceptions.RefreshError, match="invalid_grant") as refused:
        refresh(credentials(visitor, first))
    assert not refused.value.retryable


@pytest.mark.parametrize("by", ["refresh_token", "access_token"])
def test_revoking_ends_everything(visitor: Visitor, by: str) -> None:
    granted = visitor.connect(WALKER)
    url = f"{visitor.url}/revoke"
    assert visitor.http.post(url, data={"token": granted[by]}).status_code == 200
    again = visitor.http.post(url, data={"token": granted[by]})
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")
    assert visitor.fit(granted["access_token"], "dataSources").status_code == 401
    refused = visitor.token(grant_type="refresh_token", refresh_token=granted["refresh_token"])
    assert refused.status_code == 400


def test_control_revokes_and_expires(visitor: Visitor) -> None:
    granted = visitor.connect(WALKER)
    visitor.act(f"/people/{WALKER}/expire")
    assert visitor.fit(granted["access_token"], "dataSources").status_code == 401
    form = {"grant_type": "refresh_token", "refresh_token": granted["refresh_token"]}
    assert visitor.token(**form).status_code == 200
    visitor.act(f"/people/{WALKER}/revoke")
    assert visitor.token(**form).json() == {
        "error": "invalid_grant",
        "error_description": "Token has been expired or revoked.",
    }


def test_access_tokens_end_by_the_sandbox_clock(visitor: Visitor) -> None:
    token = visitor.connect(WALKER)["access_token"]
    visitor.control("/clock", offset_s=3600)
    assert visitor.fit(token, "dataSources").status_code == 401


ERRORS = {
    "token_400_invalid_grant_bad_request": {"code": "used"},
    "token_400_redirect_uri_mismatch": {"redirect_uri": "https://elsewhere.test"},
    "token_400_unsupported_grant_type": {"grant_type": "foo"},
    "token_401_invalid_client": {"client_secret": "wrong"},
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_those_of_the_real_endpoint(visitor: Visitor, name: str) -> None:
    captured = SHARED / "data" / "google_oauth" / f"{name}.json"
    if not captured.exists():
        pytest.skip("no captured answers at hand")
    code = visitor.control(f"/people/{WALKER}/code")["code"]
    form = {"grant_type": "authorization_code", "code": code}
    if ERRORS[name].get("code"):
        visitor.token(**form).raise_for_status()
        refused = visitor.token(**form)
    else:
        refused = visitor.token(**form | ERRORS[name])
    assert refused.status_code == int(name.split("_")[1])
    assert refused.json() == json.loads(captured.read_text())


def test_missing_parameters_are_named(visitor: Visitor) -> None:
    refused = visitor.token(grant_type="refresh_token")
    assert refused.status_code == 400
    assert refused.json()["error"] == "invalid_request"
    assert "refresh_token" in refused.json()["error_description"]
