"""Supabase Auth: sign-in with a password, refresh, and the published keys."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from sandbox.current import here
from sandbox.people import PASSWORD
from sandbox.world import World

blueprint = Blueprint("supabase", __name__, url_prefix="/auth/v1")

TOKEN_LIFE_S = 3600

_SINCE = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
_CODES_AS_TEXT = "2024-01-01"
"""From this API version on, errors carry their name in `code` and their text in `message`."""


def user_of(world: World, sub: str) -> dict[str, Any] | None:
    """The user as the token endpoint shows it."""
    person = world.find(sub)
    if person is not None:
        email, role = person.email, None
        metadata = {"name": person.display_name, "timezone": person.timezone}
    elif sub == world.admin_sub:
        email, role = world.admin_email, "admin"
        metadata = {"name": "Operator", "timezone": "UTC"}
    else:
        return None
    app_metadata: dict[str, Any] = {"provider": "email", "providers": ["email"]}
    since = _SINCE.isoformat().replace("+00:00", "Z")
    return {
        "id": sub,
        "aud": "authenticated",
        "role": "authenticated",
        "email": email,
        "email_confirmed_at": since,
        "phone": "",
        "confirmed_at": since,
        "last_sign_in_at": datetime.fromtimestamp(world.clock.now_s(), UTC).isoformat(),
        "app_metadata": app_metadata | ({"role": role} if role else {}),
        "user_metadata": metadata,
        "identities": [],
        "created_at": since,
        "updated_at": since,
        "is_anonymous": False,
    }


def claims_of(world: World, user: dict[str, Any], session: str) -> dict[str, Any]:
    now_s = world.clock.now_s()
    return {
        "aal": "aal1",
        "amr": [{"method": "password", "timestamp": now_s}],
        "app_metadata": user["app_metadata"],
        "aud": user["aud"],
        "email": user["email"],
        "exp": now_s + TOKEN_LIFE_S,
        "iat": now_s,
        "iss": f"{world.public_url}/auth/v1",
        "phone": user["phone"],
        "role": user["role"],
        "session_id": session,
        "sub": user["id"],
        "user_metadata": user["user_metadata"],
        "is_anonymous": False,
    }


@blueprint.get("/.well-known/jwks.json")
def jwks() -> ResponseReturnValue:
    return here().keys.jwks(), 200, {"Cache-Control": "public, max-age=600"}


@blueprint.post("/token")
def token() -> ResponseReturnValue:
    body = request.get_json(silent=True, force=True)
    if not isinstance(body, dict):
        return _refused("bad_json", "Could not parse request body as JSON")
    match request.args.get("grant_type"):
        case "password":
            return _password(body)
        case "refresh_token":
            return _refresh(body)
    return _refused("invalid_credentials", "unsupported_grant_type")


def _password(body: dict[str, Any]) -> ResponseReturnValue:
    world, email = here(), str(body.get("email", "")).lower()
    person = world.find(email)
    sub = person.sub if person else world.admin_sub if email == world.admin_email else None
    if sub is None or body.get("password") != PASSWORD:
        return _refused("invalid_credentials", "Invalid login credentials")
    session, refresh_token = world.sessions.start(sub)
    return _signed_in(sub, session, refresh_token)


def _refresh(body: dict[str, Any]) -> ResponseReturnValue:
    turned = here().sessions.turn(str(body.get("refresh_token", "")))
    if turned is None or user_of(here(), turned[0]) is None:
        message = "Invalid Refresh Token: Refresh Token Not Found"
        return _refused("refresh_token_not_found", message)
    return _signed_in(*turned)


def _signed_in(sub: str, session: str, refresh_token: str) -> ResponseReturnValue:
    world = here()
    user = user_of(world, sub)
    assert user is not None
    claims = claims_of(world, user, session)
    return {
        "access_token": world.keys.sign(claims),
        "token_type": "bearer",
        "expires_in": TOKEN_LIFE_S,
        "expires_at": claims["exp"],
        "refresh_token": refresh_token,
        "user": user,
    }


def _refused(name: str, message: str) -> ResponseReturnValue:
    if request.headers.get("X-Supabase-Api-Version", "") >= _CODES_AS_TEXT:
        return jsonify(code=name, message=message), 400
    return jsonify(code=400, error_code=name, msg=message), 400
