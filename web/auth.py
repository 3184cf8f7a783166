"""The credential of a request."""

import structlog
from flask import request

from domain.errors import NotAllowed
from models.api_key import KeyScope
from web.db import front
from web.errors import API_KEY, BEARER, Malformed, Unauthorised
from web.people import Caller
from web.services import Service

KEY_HEADER = "X-API-Key"
SCHEME = "bearer "


def caller_of_request(*, people: bool = True, scope: KeyScope | None = None) -> Caller | Service:
    """Return who calls: a person, where `people` may, or a service whose key has `scope`.

    Raises Malformed for two credentials, Unauthorised, NotAllowed, or Unavailable when none can be
    checked.
    """
    token, key = request.headers.get("Authorization", ""), request.headers.get(KEY_HEADER, "")
    if token and key:
        raise Malformed("Show a token or a key, not both.", code="two_credentials")
    if key:
        return _allowed(front().services.behind(key), scope)
    if token:
        person = front().people.behind(front().tokens.verify(bearer_token(token)))
        if not people:
            raise NotAllowed("This is for services with a key.", code="services_only")
        return person
    wanted = "a sign-in token" if people else f"a key in {KEY_HEADER}"
    schemes = ((BEARER,) if people else ()) + ((API_KEY,) if scope else ())
    raise Unauthorised(f"Show {wanted}.", code="credential_missing", schemes=schemes)


def bearer_token(header: str) -> str:
    """Return the token of an `Authorization` header. Raises Unauthorised for other schemes."""
    if header[: len(SCHEME)].lower() != SCHEME:
        raise Unauthorised("Use the Bearer scheme.")
    return header[len(SCHEME) :].strip()


def _allowed(service: Service, scope: KeyScope | None) -> Service:
    structlog.contextvars.bind_contextvars(api_key=service.row.prefix)
    if scope is None:
        raise NotAllowed("This is for people with a sign-in token.", code="people_only")
    if not service.may(scope):
        raise NotAllowed(f"This key lacks the scope {scope}.", code="scope_missing")
    return service
