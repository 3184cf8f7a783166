"""What costs time and memory is imported only where a setting asks for it."""

import subprocess
import sys

from tests.architecture.program import ROOT

PROGRAM = """
import sys
import celeryconfig, web, web.app, worker.app, worker.traces
for name in celeryconfig.imports:
    __import__(name)
print(*sorted(sys.modules.keys() & set(sys.argv[1:])))
"""


def test_nobody_imports_what_reports_to_others() -> None:
    """The API of OpenTelemetry is imported by redis itself, which looks whether it is there."""
    reporting = ["opentelemetry.exporter", "opentelemetry.instrumentation", "sentry_sdk"]
    wanted = [*reporting, "worker.telemetry", "web.tracing", "structlog"]
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, *wanted],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == ["structlog"]
