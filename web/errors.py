"""Every error as `application/problem+json` (RFC 9457): the one place that knows status codes."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import cast

import structlog
from flask import Flask, Response, g
from pydantic import ValidationError
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from domain.database import DATABASE_AWAY
from domain.errors import (
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    PodiumError,
    Retryable,
    Unavailable,
    VendorError,
)
from web.replies import Reply
from web.schemas.problem import FieldError, Problem

log = structlog.get_logger(__name__)

PROBLEM = "application/problem+json"
BEARER = "Bearer"
API_KEY = "ApiKey"
"""Not a registered scheme, but RFC 9110 wants one named with every 401."""
SIGNATURE = "Signature"
"""The same of a vendor's message."""
ERRORS = {BEARER: "invalid_token", API_KEY: "invalid_key", SIGNATURE: "invalid_signature"}
MOST_ERRORS = 20
LONGEST_NAME = 64


class Malformed(PodiumError):
    """The request cannot be read."""

    code = "malformed"


class Unauthorised(PodiumError):
    """No credential, or one that is not valid here. `schemes` are those that would do."""

    code = "unauthorised"

    def __init__(
        self, detail: str, *, code: str | None = None, schemes: tuple[str, ...] = (BEARER,)
    ) -> None:
        super().__init__(detail, code=code)
        self.schemes = schemes


class UnsupportedMediaType(PodiumError):
    """The body is not of a type that this route reads."""

    code = "unsupported_media_type"


class TooMany(PodiumError):
    """More than one caller may have at a time."""

    code = "too_many_connections"
    retry_after = 30


class InvalidRequest(Invalid):
    """Some fields are wrong; all of them are named."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("Some fields are not valid.")
        self.errors = errors


STATUSES: tuple[tuple[type[PodiumError], HTTPStatus], ...] = (
    (Malformed, HTTPStatus.BAD_REQUEST),
    (Unauthorised, HTTPStatus.UNAUTHORIZED),
    (NotAllowed, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (UnsupportedMediaType, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (Invalid, HTTPStatus.UNPROCESSABLE_ENTITY),
    (TooMany, HTTPStatus.TOO_MANY_REQUESTS),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (Retryable, HTTPStatus.SERVICE_UNAVAILABLE),
    (VendorError, HTTPStatus.BAD_GATEWAY),
)

CODES = {
    HTTPStatus.BAD_REQUEST: "malformed",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limited",
}
"""Codes of what Flask itself refuses."""

RETRY_SECONDS = 5
KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")


def install(app: Flask) -> None:
    """Answer every error of `app` with a problem document."""
    app.register_error_handler(PodiumError, lambda error: problem_of(error).response())
    app.register_error_handler(HTTPException, _refused)
    for away in DATABASE_AWAY:
        app.register_error_handler(away, _database_down)
    app.register_error_handler(RedisError, _redis_down)
    app.register_error_handler(Exception, _broken)


def problem_of(error: PodiumError) -> Reply:
    """Return the answer to a domain error."""
    status = next(
        (status for kind, status in STATUSES if isinstance(error, kind)),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )
    return problem(status, error.code, error.detail, _headers(error), **_fields(error))


def problem(
    status: int,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **members: object,
) -> Reply:
    """Compose a problem document; `members` come beside the usual ones."""
    document = Problem.model_validate(
        {
            "type": f"urn:podium:error:{code}",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "code": code,
            "request_id": g.get("request_id", ""),
            **members,
        }
    )
    body = document.model_dump_json(exclude_unset=True).encode()
    return Reply(status, body, {"Content-Type": PROBLEM, **(headers or {})})


def field_errors(error: ValidationError, part: str) -> list[FieldError]:
    """Name the wrong fields of the body or the query, without what they held."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return [
        FieldError(loc=[part, *map(_shortened, one["loc"])], msg=_plain(one["msg"]))
        for one in found[:MOST_ERRORS]
    ]


def _shortened(name: str | int) -> str | int:
    return name[:LONGEST_NAME] if isinstance(name, str) else name


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")


def _headers(error: PodiumError) -> dict[str, str]:
    if isinstance(error, Unauthorised):
        return {"WWW-Authenticate": _challenge(error)}
    if isinstance(error, Retryable):
        delay = getattr(error, "delay", None)
        return {"Retry-After": str(RETRY_SECONDS if delay is None else max(1, round(delay)))}
    retry_after = getattr(error, "retry_after", None)
    return {} if retry_after is None else {"Retry-After": str(retry_after)}


def _challenge(error: Unauthorised) -> str:
    """RFC 6750, section 3: nothing but the scheme when no token was shown."""
    if error.code == "credential_missing":
        return ", ".join(f'{scheme} realm="podium"' for scheme in error.schemes)
    (scheme,) = error.schemes
    reason = f'error="{ERRORS[scheme]}", error_description="{error.detail}"'
    return f'{scheme} realm="podium", {reason}'


def _fields(error: PodiumError) -> dict[str, list[FieldError]]:
    if isinstance(error, InvalidRequest):
        return {"errors": error.errors}
    if isinstance(error, Invalid) and error.loc:
        return {"errors": [FieldError(loc=list(error.loc), msg=error.detail)]}
    return {}


def _refused(error: HTTPException) -> Response:
    if error.response is not None:
        return cast("Response", error.response)
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    if status < HTTPStatus.BAD_REQUEST:
        return cast("Response", error.get_response())
    headers = {name: value for name, value in error.get_headers() if name in KEPT_HEADERS}
    detail = f"{status.description or status.phrase}."
    return problem(status, CODES.get(status, "refused"), detail, headers).response()


def _database_down(error: Exception) -> Response:
    log.warning("web.database_unavailable", error=str(error.__cause__ or error))
    return problem_of(Unavailable("The database does not answer in time.")).response()


def _redis_down(error: Exception) -> Response:
    log.warning("web.redis_unavailable", error=str(error))
    return problem_of(
        Unavailable("Redis does not answer in time.", code="redis_unavailable")
    ).response()


def _broken(error: Exception) -> Response:
    log.error("web.broken", exc_info=error)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Something went wrong here."
    ).response()
