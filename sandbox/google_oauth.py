"""Google's token and revocation endpoints."""

from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from sandbox.current import here
from sandbox.grants import ACCESS_TOKEN_LIFE_S
from sandbox.oauth_errors import OAuthError
from sandbox.world import World

_IDENTITY_KEY = ec.generate_private_key(ec.SECP256R1())
_NO_STORE = {"Cache-Control": "no-cache, no-store, max-age=0, must-revalidate"}


blueprint = Blueprint("google_oauth", __name__)


@blueprint.errorhandler(OAuthError)
def refused(error: OAuthError) -> ResponseReturnValue:
    return jsonify(error.body), error.status, _NO_STORE


@blueprint.post("/token")
def token() -> ResponseReturnValue:
    _check_client(here())
    grant_type = _required("grant_type")
    match grant_type:
        case "authorization_code":
            answer = _redeem()
        case "refresh_token":
            answer = _answer(*here().grants.refresh(_required("refresh_token")))
        case _:
            raise OAuthError.unsupported_grant_type(grant_type)
    return jsonify(answer), 200, _NO_STORE


@blueprint.post("/revoke")
def revoke() -> ResponseReturnValue:
    grants = here().grants
    person = grants.live_owner(request.values.get("token", ""))
    if person is None:
        raise OAuthError(400, "invalid_token", "Token expired or revoked")
    grants.revoke(person)
    return {}


def _redeem() -> dict[str, Any]:
    person, scopes, refresh_token = here().grants.redeem(
        _required("code"), request.form.get("redirect_uri"), request.form.get("code_verifier")
    )
    answer = _answer(person, scopes, refresh_token)
    if "openid" in scopes.split():
        answer["id_token"] = _id_token(person)
    return answer


def _answer(person: str, scopes: str, refresh_token: str | None) -> dict[str, Any]:
    answer = {
        "access_token": here().grants.access_token(person, scopes),
        "expires_in": ACCESS_TOKEN_LIFE_S,
        "scope": scopes,
        "token_type": "Bearer",
    }
    return answer | ({"refresh_token": refresh_token} if refresh_token else {})


def _id_token(person: str) -> str:
    world = here()
    now_s = world.clock.now_s()
    claims = {
        "iss": "https://accounts.google.com",
        "azp": world.client.id,
        "aud": world.client.id,
        "sub": world.people[person].google_sub,
        "iat": now_s,
        "exp": now_s + ACCESS_TOKEN_LIFE_S,
    }
    return jwt.encode(claims, _IDENTITY_KEY, "ES256")


def _required(parameter: str) -> str:
    value = request.form.get(parameter)
    if not value:
        raise OAuthError.missing(parameter)
    return value


def _check_client(world: World) -> None:
    given = request.authorization
    if given is not None and given.type == "basic":
        pair = (given.username, given.password)
    else:
        pair = (request.form.get("client_id"), request.form.get("client_secret"))
    if pair != (world.client.id, world.client.secret):
        raise OAuthError.invalid_client()
