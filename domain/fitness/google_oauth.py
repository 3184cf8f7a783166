"""Google's grants: code, refresh, revoke. Blocking; one try each, with our own time limit.

google-auth speaks the token endpoint. Its public classes wait and try again by themselves, so the
calls below use the same functions under them with the tries switched off.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt
import requests
from google.auth import exceptions
from google.auth.transport.requests import Request
from google.oauth2 import _client

from domain import clock
from domain.errors import Invalid, Refused, Retryable
from domain.settings import Settings

TIMEOUT_SECONDS = 5.0
GONE_TOO_SOON = timedelta(minutes=1)
"""An access token is renewed this long before it ends."""


class GrantGone(Refused):
    """The vendor no longer honours the refresh token. Only the person can renew the grant."""

    code = "reauth_required"


@dataclass(frozen=True)
class Grant:
    """What the token endpoint gave."""

    access_token: str = field(repr=False)
    expires_at: datetime
    scopes: list[str]
    refresh_token: str | None = field(default=None, repr=False)
    """Given at the first consent, and when Google rotates it."""
    subject: str | None = None


class GoogleOAuth:
    """Google's token endpoint for our client."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session = requests.Session()
        self._request = Request(self._session)

    def exchange(
        self, code: str, redirect_uri: str | None = None, code_verifier: str | None = None
    ) -> Grant:
        """Trade a server auth code, which works once, for tokens.

        Raises Invalid (`invalid_server_auth_code`) when Google refuses it, Retryable when Google is
        away.
        """
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri or "",
            **({"code_verifier": code_verifier} if code_verifier else {}),
        }
        try:
            return self._token(body)
        except GrantGone as error:
            raise Invalid(
                "Google refused this code; ask for a new one.",
                loc=("body", "server_auth_code"),
                code="invalid_server_auth_code",
            ) from error

    def refresh(self, refresh_token: str) -> Grant:
        """Get a new access token. Raises GrantGone, Retryable or Refused."""
        return self._token({"grant_type": "refresh_token", "refresh_token": refresh_token})

    def revoke(self, token: str) -> None:
        """Give the grant back. A token that Google no longer knows counts as given back."""
        try:
            answer = self._session.post(
                self._settings.google_revoke_url, data={"token": token}, timeout=TIMEOUT_SECONDS
            )
        except requests.RequestException as error:
            raise Retryable("Google did not answer.") from error
        if answer.status_code >= requests.codes.internal_server_error:
            raise Retryable(f"Google answered {answer.status_code}.")

    def _token(self, body: dict[str, str]) -> Grant:
        client = {
            "client_id": self._settings.google_client_id,
            "client_secret": self._settings.google_client_secret,
        }
        try:
            answer = _client._token_endpoint_request(  # type: ignore[no-untyped-call]  # noqa: SLF001  see the module's text
                self._request,
                self._settings.google_token_url,
                {**body, **client},
                can_retry=False,
                timeout=TIMEOUT_SECONDS,
            )
        except exceptions.RefreshError as error:
            raise _kind_of(error) from error
        except exceptions.TransportError as error:
            raise Retryable("Google did not answer.") from error
        return _grant(answer)


def _kind_of(error: exceptions.RefreshError) -> Exception:
    reason = error.args[1] if len(error.args) > 1 else None
    name = reason.get("error") if isinstance(reason, dict) else None
    if name == "invalid_grant":
        return GrantGone("Google no longer honours this grant.")
    if error.retryable or not isinstance(name, str):
        return Retryable("Google cannot answer now.")
    return Refused(f"Google refused our client: {name}.", code="vendor_refused_client")


def _grant(answer: Any) -> Grant:
    try:
        lifetime = timedelta(seconds=int(answer["expires_in"]))
        id_token = answer.get("id_token")
        # It came over TLS from Google itself; nobody else's signature need be checked.
        claims = jwt.decode(id_token, options={"verify_signature": False}) if id_token else {}
        return Grant(
            access_token=answer["access_token"],
            expires_at=clock.now() + lifetime - GONE_TOO_SOON,
            scopes=answer.get("scope", "").split(),
            refresh_token=answer.get("refresh_token"),
            subject=claims.get("sub"),
        )
    except (KeyError, TypeError, ValueError, AttributeError, jwt.PyJWTError) as error:
        raise Retryable("Google's answer cannot be read.") from error
