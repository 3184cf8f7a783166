"""Google Fit's errors, in the words and shapes of captured answers."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class FitError(Exception):
    """`reason` None leaves the `errors` list out, as some answers do."""

    code: int
    message: str
    reason: str | None = "invalidArgument"
    domain: str = "global"
    status: str | None = None
    inner_message: str | None = None
    location: dict[str, str] = field(default_factory=dict)
    info: dict[str, Any] | None = None

    @property
    def body(self) -> dict[str, Any]:
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.status:
            error["status"] = self.status
        if self.reason:
            message = self.inner_message or self.message
            inner = {"message": message, "domain": self.domain, "reason": self.reason}
            error["errors"] = [inner | self.location]
        if self.info:
            error["details"] = [
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", **self.info},
            ]
        return {"error": error}


def invalid_credentials() -> FitError:
    location = {"locationType": "header", "location": "Authorization"}
    return FitError(401, "Invalid Credentials", "authError", location=location)


def insufficient_scope() -> FitError:
    return FitError(
        403,
        "Request had insufficient authentication scopes.",
        "insufficientPermissions",
        status="PERMISSION_DENIED",
        inner_message="Insufficient Permission",
        info={
            "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "domain": "googleapis.com",
            "metadata": {"service": "fitness.googleapis.com"},
        },
    )


def unreadable_type(data_type: str) -> FitError:
    message = f"Cannot read data of type {data_type}"
    return FitError(403, message, reason=None, status="PERMISSION_DENIED")


def unreadable_source(stream_id: str) -> FitError:
    message = f"datasource not found or not readable: {stream_id}"
    return FitError(403, message, reason=None, status="PERMISSION_DENIED")


def no_default_source(data_type: str) -> FitError:
    return FitError(400, f"no default datasource found for: {data_type}")


def parse_error() -> FitError:
    return FitError(400, "Parse Error", "parseError")


def no_aggregate_by() -> FitError:
    return FitError(400, "Require at least one aggregateby")


def duration_too_large() -> FitError:
    return FitError(400, "aggregate duration too large")


def invalid_argument(message: str) -> FitError:
    return FitError(400, message)


def invalid_fields(fields: str) -> FitError:
    location = {"locationType": "parameter", "location": "fields"}
    message = f"Invalid field selection {fields}"
    return FitError(400, message, "invalidParameter", location=location)


def not_found() -> FitError:
    return FitError(404, "Not Found", "notFound")


def user_rate_limit() -> FitError:
    return FitError(403, "User Rate Limit Exceeded", "userRateLimitExceeded", "usageLimits")


def access_not_configured() -> FitError:
    message = "Fitness API has not been used in project 0 before or it is disabled."
    return FitError(403, message, "accessNotConfigured", "usageLimits", "PERMISSION_DENIED")


def quota_exceeded() -> FitError:
    return FitError(
        429,
        "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute per user' of "
        "service 'fitness.googleapis.com' for consumer 'project_number:000000000000'.",
        "rateLimitExceeded",
        status="RESOURCE_EXHAUSTED",
        info={
            "reason": "RATE_LIMIT_EXCEEDED",
            "domain": "googleapis.com",
            "metadata": {
                "service": "fitness.googleapis.com",
                "quota_metric": "fitness.googleapis.com/default_requests",
                "quota_limit": "defaultPerMinutePerUser",
                "consumer": "projects/000000000000",
            },
        },
    )


def already_exists(stream_id: str) -> FitError:
    return FitError(409, f"Data Source: {stream_id} already exists", "alreadyExists")


def backend_error() -> FitError:
    return FitError(500, "Backend Error", "backendError")


def unavailable() -> FitError:
    return FitError(
        503, "The service is currently unavailable.", "backendError", status="UNAVAILABLE"
    )


NAMED = {
    "invalid_credentials": invalid_credentials(),
    "insufficient_scope": insufficient_scope(),
    "datasource_not_readable": unreadable_source("derived:com.google.step_count.delta"),
    "user_rate_limit_exceeded": user_rate_limit(),
    "access_not_configured": access_not_configured(),
    "parse_error": parse_error(),
    "no_aggregateby": no_aggregate_by(),
    "aggregate_duration_too_large": duration_too_large(),
    "no_default_datasource": no_default_source("com.google.activity.summary"),
    "not_found": not_found(),
    "datasource_exists": already_exists("raw:com.google.step_count.delta"),
    "quota": quota_exceeded(),
    "backend_error": backend_error(),
    "unavailable": unavailable(),
}
"""By the name that a fault asks for."""

BY_STATUS = {
    400: "parse_error",
    401: "invalid_credentials",
    403: "user_rate_limit_exceeded",
    404: "not_found",
    409: "datasource_exists",
    429: "quota",
    500: "backend_error",
    503: "unavailable",
}
"""What a fault answers that names a status only."""
