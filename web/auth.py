"""The credential of a request."""

import re
from collections.abc import Iterable

import structlog
from flask import request

from domain.errors import NotAllowed
from models.api_key import KeyScope
from web.db import front
from web.errors import API_KEY, BEARER, Malformed, Unauthorised
from web.limits import WRONG_KEYS
from web.people import Caller
from web.services import KeyRefused, Service

KEY_HEADER = "X-API-Key"
SCHEME = "bearer "
TOKEN_NAMES = {"token", "access_token"}
JWT = re.compile(r"ey[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
"""A JSON object in base64url, and two parts more."""


def caller_of_request(
    *, people: bool = True, scope: KeyScope | None = None, ticket: bool = False
) -> Caller | Service:
    """Return who calls: a person, where `people` may, or a service whose key has `scope`.

    With `ticket` the query may hold one, which is then bound to this path.

    Raises Malformed for two credentials, Unauthorised, NotAllowed, RateLimited for many wrong keys,
    or Unavailable when none can be checked.
    """
    token, key = request.headers.get("Authorization", ""), request.headers.get(KEY_HEADER, "")
    if token and key:
        raise Malformed("Show a token or a key, not both.", code="two_credentials")
    if ticket and (shown := request.args.get("ticket")) and not (token or key):
        return front().people.behind(front().tickets.take_for(request.path, shown))
    if key:
        return _allowed(_service_behind(key), scope)
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


def refuse_token_in(query: Iterable[tuple[str, str]]) -> None:
    """Raise Unauthorised for a token in the query, which logs and proxies write down."""
    for name, value in query:
        if name.casefold() in TOKEN_NAMES or JWT.search(name) or JWT.search(value):
            raise Unauthorised("A token must not stand in an address.", code="token_in_query")


def _service_behind(key: str) -> Service:
    """Return the service; whoever tries one wrong key after the other is sent away for a while."""
    try:
        return front().services.behind(key)
    except KeyRefused:
        front().limiter.count(WRONG_KEYS, "keys", None, request.remote_addr or "")
        raise


def _allowed(service: Service, scope: KeyScope | None) -> Service:
    structlog.contextvars.bind_contextvars(api_key=service.row.prefix)
    if scope is None:
        raise NotAllowed("This is for people with a sign-in token.", code="people_only")
    if not service.may(scope):
        raise NotAllowed(f"This key lacks the scope {scope}.", code="scope_missing")
    return service
