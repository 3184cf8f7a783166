"""Structured logs: one JSON object or one readable line per event."""

import logging
import logging.config

import orjson
import structlog
from structlog.typing import EventDict

from worker.reports import reports

LogOptions = dict[str, dict[str, str]]

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


def _json(event: object, **_: object) -> str:
    """Encode an event; what JSON has no word for is shown as Python shows it."""
    return orjson.dumps(event, default=repr).decode()


def _ready(_logger: object, _method: str, event: EventDict) -> tuple[tuple[EventDict], LogOptions]:
    """Give a record its line along: made now, it needs no copy of the record later."""
    return (event,), {"extra": {"line": _json(event)}}


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Makes lines of other libraries' records, and takes those that are made."""

    def format(self, record: logging.LogRecord) -> str:
        line: str | None = getattr(record, "line", None)
        return super().format(record) if line is None else line


def configure_logging(level: str, form: str) -> None:
    """Send everything, other libraries' records too, through one renderer to standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        reports,
    ]
    last: structlog.typing.Processor = structlog.stdlib.ProcessorFormatter.wrap_for_formatter
    renderer: structlog.typing.Processor = structlog.dev.ConsoleRenderer(
        colors=False,
        pad_event_to=0,
        # The pretty one shows local variables, tokens among them, and takes seconds.
        exception_formatter=structlog.dev.plain_traceback,
    )
    if form == "json":
        shared.append(structlog.processors.format_exc_info)
        renderer, last = structlog.processors.JSONRenderer(serializer=_json), _ready
    structlog.configure(
        processors=[
            # Nothing is made of what nobody reads.
            structlog.stdlib.filter_by_level,
            *shared,
            last,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = _Formatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
