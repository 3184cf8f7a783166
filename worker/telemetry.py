"""OpenTelemetry as we use it. Imported only where a collector is set."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import (
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
)
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes, AttributeValue
from typing_extensions import override

TRACES = "/v1/traces"
MOST_LINKS = 1024
"""Of one span: a batch serves 256 rows, a flush 1,000 marks."""

_format = TraceContextTextMapPropagator()


class Telemetry:
    """One process's spans, and the libraries that make some by themselves."""

    def __init__(self, endpoint: str, part: str) -> None:
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": f"podium-{part}"}),
            sampler=ParentBased(_NotAlone()),
            span_limits=SpanLimits(max_links=MOST_LINKS),
        )
        # Its thread would not survive a fork, so this is made after it.
        exporter = OTLPSpanExporter(endpoint=f"{endpoint}{TRACES}")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("podium")
        # A message serves its sender, but its task may run much later: a trace of its own, linked.
        self._celery = CeleryInstrumentor()  # type: ignore[no-untyped-call]  # its own
        self._celery.instrument(tracer_provider=self._provider, use_span_links=True)
        # Statements are told as they are written, with places for what people sent.
        PsycopgInstrumentor().instrument(
            tracer_provider=self._provider, skip_dep_check=True, capture_parameters=False
        )
        RedisInstrumentor().instrument(tracer_provider=self._provider)

    @property
    def provider(self) -> TracerProvider:
        """What makes the spans."""
        return self._provider

    def close(self) -> None:
        """Send what is left, and leave the libraries alone."""
        for library in (self._celery, PsycopgInstrumentor(), RedisInstrumentor()):
            library.uninstrument()
        self._provider.shutdown()

    @contextmanager
    def span(
        self, name: str, links: Iterable[str], facts: Mapping[str, AttributeValue]
    ) -> Iterator[None]:
        """Measure a block; an exception goes through and is noted."""
        found = [Link(_read(one)) for one in dict.fromkeys(links) if one]
        with self._tracer.start_as_current_span(name, links=found, attributes=dict(facts)):
            yield

    def served(
        self, name: str, parent: str, began_ns: int, facts: Mapping[str, AttributeValue]
    ) -> None:
        """Note a span that ends now in another trace, linked to the present one."""
        self._tracer.start_span(
            name,
            context=trace.set_span_in_context(trace.NonRecordingSpan(_read(parent))),
            links=[Link(trace.get_current_span().get_span_context())],
            attributes=dict(facts),
            start_time=began_ns,
        ).end()

    def here(self) -> str | None:
        """Return the present span as a traceparent; None where none is recorded."""
        if not trace.get_current_span().is_recording():
            return None
        carrier: dict[str, str] = {}
        _format.inject(carrier)
        return carrier.get("traceparent")


class _NotAlone(Sampler):
    """Takes what begins a trace, unless it is a call of a library: nobody asked for that.

    Those are our polls of Redis, several a second in each process.
    """

    @override
    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide about a span without a parent."""
        alone = kind is SpanKind.CLIENT
        return SamplingResult(Decision.DROP if alone else Decision.RECORD_AND_SAMPLE, attributes)

    @override
    def get_description(self) -> str:
        """Name it."""
        return "PodiumNotAlone"


def _read(traceparent: str) -> trace.SpanContext:
    context = _format.extract({"traceparent": traceparent})
    return trace.get_current_span(context).get_span_context()
