"""Errors reported to Sentry, when its address is set; only then is its library imported.

Whatever is logged as an error is reported, from one place: a step of the logs' own chain. A report
has the error's kind and where it happened, the event and a few ids of ours. Texts of errors, values
of variables, requests and people stay here; the log has them under the same ids.
"""

import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from domain.settings import Settings

if TYPE_CHECKING:
    from sentry_sdk import Client

LEVELS = {"error", "critical"}
TOLD = ("request_id", "task", "task_id", "sync_id", "competition_id", "payout_id", "code")
"""What a report says of its event, as tags."""
FLUSH_SECONDS = 2.0


class Reports:
    """This process's reports: a structlog processor that changes nothing."""

    def __init__(self) -> None:
        self._client: Client | None = None

    def begin(self, settings: Settings) -> None:
        """Report from now on, if there is anyone to report to."""
        if settings.sentry_dsn is None or self._client is not None:
            return
        from sentry_sdk import Client  # slow to import, and seldom wanted

        self._client = Client(
            settings.sentry_dsn,
            # Each of them collects something: arguments, headers, statements, who is signed in.
            default_integrations=False,
            auto_enabling_integrations=False,
            max_breadcrumbs=0,
            include_local_variables=False,
            server_name="",
        )

    def end(self) -> None:
        """Send what is left, and report nothing more."""
        client, self._client = self._client, None
        if client is not None:
            client.close(timeout=FLUSH_SECONDS)

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Report an error on its way into the log."""
        if self._client is not None and event.get("level") in LEVELS:
            self._client.capture_event(_report(event, self._client.options))
        return event


reports = Reports()


def _report(event: MutableMapping[str, Any], options: dict[str, Any]) -> Any:
    from sentry_sdk.utils import exc_info_from_error, exceptions_from_error_tuple

    found: dict[str, Any] = {
        "level": "fatal" if event["level"] == "critical" else "error",
        "logger": event.get("logger"),
        "tags": {name: str(event[name]) for name in TOLD if event.get(name) is not None},
    }
    error = _error_of(event.get("exc_info"))
    if error is None:
        # Other libraries put values into their sentences.
        name = event["event"] if event.get("_from_structlog", True) else event.get("logger")
        return {**found, "message": str(name)}
    frames = exceptions_from_error_tuple(exc_info_from_error(error), options)
    values = [{**one, "value": ""} for one in frames]
    return {**found, "exception": {"values": values}}


def _error_of(exc_info: Any) -> BaseException | None:
    """Return the exception that a log call names, in any of the ways that it may."""
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        found: BaseException | None = exc_info[1]
        return found
    return sys.exception() if exc_info else None
