"""Structured logs: one JSON object or one readable line per event."""

import logging
import logging.config
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, BinaryIO

import orjson
import structlog
from structlog.contextvars import merge_contextvars
from structlog.processors import format_exc_info
from structlog.typing import EventDict, Processor

from domain import clock
from worker.reports import LEVELS, reports

NOISY = (
    "celery.app.trace",
    "celery.beat",
    "celery.worker.strategy",
    "kombu",
    "stripe",
    "urllib3",
)
"""Libraries that tell of each step that they take."""
AS_A_LINE = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


# Who called, in which thread and process, is in none of our lines, and costs as much as the rest.
logging._srcfile = None  # noqa: SLF001  "Optimization" in Python's manual
logging.logThreads = logging.logMultiprocessing = False


class Lines:
    """A place where a logger's lines are written as they are.

    A record of the library's for each of them, with its locks and handlers, costs as much again as
    all that makes the line.
    """

    def __init__(self, name: str, stream: BinaryIO) -> None:
        self.name = name
        self._stream = stream

    def write(self, line: bytes) -> None:
        """Write a line at once: it is there when the process dies in the next moment.

        That nobody can read it is no reason to fail for whoever tells something.
        """
        with suppress(OSError):
            self._stream.write(line)
            self._stream.flush()


def _json(event: object, **_: object) -> str:
    """Encode an event; what JSON has no word for is shown as Python shows it."""
    return orjson.dumps(event, default=repr).decode()


def _line(name: str, level: str, event: EventDict) -> bytes:
    """Make an event of this logger a line."""
    merge_contextvars(name, level, event)
    event["level"] = level
    event["logger"] = name
    event["timestamp"] = clock.now()
    if level in LEVELS:
        reports(name, level, event)
    if "exc_info" in event:
        format_exc_info(name, level, event)
    return orjson.dumps(event, default=repr, option=AS_A_LINE)


def configure_logging(level: str, form: str) -> None:
    """Send everything, other libraries' records too, through one renderer to standard error."""
    handler = logging.StreamHandler()
    shared: list[Processor] = [
        merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        reports,
    ]
    if form == "json":
        shared.append(format_exc_info)
        renderer: Processor = structlog.processors.JSONRenderer(serializer=_json)
        _lines(level, handler.stream.buffer)
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=False,
            pad_event_to=0,
            # The pretty one shows local variables, tokens among them, and takes seconds.
            exception_formatter=structlog.dev.plain_traceback,
        )
        _records(shared)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def _lines(level: str, stream: BinaryIO) -> None:
    """Let our own events be written as they are.

    Each step of a chain costs as much as what it adds, and a site tells of each request: so there
    is one step, and no chain.
    """

    class Teller(structlog.make_filtering_bound_logger(level)):  # type: ignore[misc]  # made there
        def _proxy_to_logger(self, level: str, event: str | None = None, **facts: Any) -> None:
            lines: Lines = self._logger
            told = {**self._context, **facts, "event": event}
            lines.write(_line(lines.name, level, told))

    structlog.configure(
        logger_factory=partial(Lines, stream=stream),
        wrapper_class=Teller,
        cache_logger_on_first_use=True,
    )


def _records(shared: Sequence[Processor]) -> None:
    """Let our own events be records of the library's, which tests and consoles read."""
    structlog.configure(
        processors=[
            # Nothing is made of what nobody reads.
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
