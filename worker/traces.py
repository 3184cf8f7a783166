"""Traces: which work served which request, through all processes.

Off, at the price of a look at a flag, unless a collector's address is set; only then is
OpenTelemetry imported. Rows bear the trace of whoever wrote them (see `worker.unit`), and work
that serves many rows links to all of their traces.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from domain.settings import Settings

if TYPE_CHECKING:
    from worker.telemetry import Telemetry

Fact = str | int
_NOTHING = nullcontext()


class Traces:
    """This process's traces. Where a trace is named, it is by a W3C traceparent."""

    def __init__(self) -> None:
        self._telemetry: Telemetry | None = None

    @property
    def on(self) -> bool:
        """Whether there is a collector."""
        return self._telemetry is not None

    def begin(self, settings: Settings, part: str) -> "Telemetry | None":
        """Send this process's traces to the collector, if there is one. Call after every fork."""
        endpoint = settings.otel_exporter_otlp_endpoint
        if endpoint is not None and self._telemetry is None:
            from worker.telemetry import Telemetry  # slow to import, and seldom wanted

            self._telemetry = Telemetry(endpoint, part)
        return self._telemetry

    def end(self) -> None:
        """Send what is left, and be off."""
        telemetry, self._telemetry = self._telemetry, None
        if telemetry is not None:
            telemetry.close()

    def span(
        self, name: str, links: Iterable[str] = (), **facts: Fact
    ) -> AbstractContextManager[None]:
        """Measure a block, which serves the traces of `links`."""
        if self._telemetry is None:
            return _NOTHING
        return self._telemetry.span(name, links, facts)

    def served(self, name: str, parent: str, began_ns: int, **facts: Fact) -> None:
        """Note in the trace `parent` that the present span has served it since `began_ns`."""
        if self._telemetry is not None and parent:
            self._telemetry.served(name, parent, began_ns, facts)

    def here(self) -> str | None:
        """Return the present span, if it is one that the collector gets."""
        return None if self._telemetry is None else self._telemetry.here()


traces = Traces()
