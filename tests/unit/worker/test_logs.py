"""Lines of the log, as a process writes them to its standard error."""

import json
import os
import subprocess
import sys
import uuid
from typing import Any

import pytest

from tests.architecture.program import ROOT

PROGRAM = """
import logging, uuid
import structlog
from worker.logs import configure_logging

configure_logging({level!r}, "json")
log = structlog.get_logger("some.where")
structlog.contextvars.bind_contextvars(request_id="r-1")
log.debug("unheard")
log.info("told", id=uuid.UUID(int=7), path="/ä")
log.warning("odd", bytes=b"x")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("broke", n=1)
logging.getLogger("foreign").warning("of %s", "others")
logging.getLogger("urllib3").info("chatter")
"""


def lines(level: str) -> list[dict[str, Any]]:
    """Tell some things in a process of its own; return what it wrote."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(level=level)],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=30,
    )
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_each_event_is_a_line_with_its_context() -> None:
    told, odd, broke, foreign = lines("INFO")
    assert told.pop("timestamp").endswith("Z")
    assert told == {
        "event": "told",
        "id": str(uuid.UUID(int=7)),
        "level": "info",
        "logger": "some.where",
        "path": "/ä",
        "request_id": "r-1",
    }
    assert (odd["level"], odd["bytes"]) == ("warning", "b'x'")
    assert (broke["level"], broke["n"]) == ("error", 1)
    assert "ZeroDivisionError" in broke["exception"]
    assert (foreign["event"], foreign["level"], foreign["logger"]) == (
        "of others",
        "warning",
        "foreign",
    )
    assert foreign["request_id"] == "r-1"


@pytest.mark.parametrize(("level", "count"), [("DEBUG", 5), ("WARNING", 3), ("ERROR", 1)])
def test_what_is_below_the_level_is_not_told(level: str, count: int) -> None:
    assert len(lines(level)) == count


def test_nobody_who_tells_fails_because_nobody_reads() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nowhere:
        program = PROGRAM.format(level="INFO").replace("logging.getLogger", "structlog.get_logger")
        done = subprocess.run(
            [sys.executable, "-c", program + "print('alive')"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=nowhere,
            check=False,
            timeout=30,
        )
    assert done.stdout == b"alive\n"
