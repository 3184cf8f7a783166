"""The credential of a request."""

from flask import request

from web.db import front
from web.errors import Unauthorised
from web.people import Caller

SCHEME = "bearer "


def caller_of_request() -> Caller:
    """Return who calls. Raises Unauthorised, or Unavailable when no token can be checked."""
    header = request.headers.get("Authorization", "")
    if not header:
        raise Unauthorised("Show a sign-in token.", code="credential_missing")
    return front().people.behind(front().tokens.verify(bearer_token(header)))


def bearer_token(header: str) -> str:
    """Return the token of an `Authorization` header. Raises Unauthorised for other schemes."""
    if header[: len(SCHEME)].lower() != SCHEME:
        raise Unauthorised("Use the Bearer scheme.")
    return header[len(SCHEME) :].strip()
