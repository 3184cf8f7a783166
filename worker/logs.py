"""Structured logs: one JSON object or one readable line per event."""

import logging
import logging.config
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import BinaryIO

import orjson
import structlog
from structlog.typing import EventDict, Processor

from worker.reports import reports

NOISY = (
    "celery.app.trace",
    "celery.beat",
    "celery.worker.strategy",
    "kombu",
    "stripe",
    "urllib3",
)
"""Libraries that tell of each step that they take."""


# Who called, in which thread and process, is in none of our lines, and costs as much as the rest.
logging._srcfile = None  # noqa: SLF001  "Optimization" in Python's manual
logging.logThreads = logging.logMultiprocessing = False


class Lines:
    """Takes a logger's events as lines of JSON and writes them as they are.

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

    debug = info = warning = error = critical = write


def _json(event: object, **_: object) -> str:
    """Encode an event; what JSON has no word for is shown as Python shows it."""
    return orjson.dumps(event, default=repr).decode()


def _line(_logger: object, _method: str, event: EventDict) -> bytes:
    return orjson.dumps(event, default=repr, option=orjson.OPT_APPEND_NEWLINE)


def configure_logging(level: str, form: str) -> None:
    """Send everything, other libraries' records too, through one renderer to standard error."""
    handler = logging.StreamHandler()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        reports,
    ]
    if form == "json":
        shared.append(structlog.processors.format_exc_info)
        renderer: Processor = structlog.processors.JSONRenderer(serializer=_json)
        _lines(level, shared, handler.stream.buffer)
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


def _lines(level: str, shared: Sequence[Processor], stream: BinaryIO) -> None:
    """Let our own events be written as they are."""
    structlog.configure(
        processors=[*shared, _line],
        logger_factory=partial(Lines, stream=stream),
        wrapper_class=structlog.make_filtering_bound_logger(level),
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
