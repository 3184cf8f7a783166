"""Stands where traces are sent: takes OTLP over HTTP and keeps the spans."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue


@dataclass(frozen=True)
class Span:
    """What was told of one span."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    began_ns: int
    ended_ns: int
    links: frozenset[str]
    """Ids of the spans that it serves."""
    facts: dict[str, str]


class Collector:
    """All spans, in the order of their coming."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.url = ""

    def take(self, body: bytes) -> None:
        """Take in what an exporter sends."""
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            about = {one.key: _text(one.value) for one in resource.resource.attributes}
            self.spans += [
                Span(
                    about["service.name"],
                    one.name,
                    one.trace_id.hex(),
                    one.span_id.hex(),
                    one.parent_span_id.hex(),
                    one.start_time_unix_nano,
                    one.end_time_unix_nano,
                    frozenset(link.span_id.hex() for link in one.links),
                    {fact.key: _text(fact.value) for fact in one.attributes},
                )
                for scope in resource.scope_spans
                for one in scope.spans
            ]

    def within(self, root: Span) -> list[Span]:
        """Return a span with all below it, in order of time."""
        found, ids = [root], {root.id}
        for one in sorted(self.spans, key=lambda span: span.began_ns):
            if one.parent in ids and one.id not in ids:
                found.append(one)
                ids.add(one.id)
        return found

    def served(self, by: Span) -> list[Span]:
        """Return the outermost spans that link to `by` or to what is below it."""
        ids = {one.id for one in self.within(by)}
        return [one for one in self.spans if one.links & ids and one.id not in ids]

    def story(self, root: Span) -> Iterator[tuple[int, Span]]:
        """Yield a span, what is below it and what follows from it, each with its depth."""
        told: set[str] = set()

        def tell(span: Span, depth: int) -> Iterator[tuple[int, Span]]:
            if span.id in told:
                return
            told.add(span.id)
            yield depth, span
            below = [one for one in self.spans if span.id == one.parent or span.id in one.links]
            for one in sorted(below, key=lambda span: span.began_ns):
                yield from tell(one, depth + 1)

        yield from tell(root, 0)


def _text(value: AnyValue) -> str:
    return str(getattr(value, value.WhichOneof("value") or "string_value"))


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector on a port of its own."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            packed = self.headers.get("Content-Encoding") == "gzip"
            collector.take(gzip.decompress(body) if packed else body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.end_headers()
            self.wfile.write(ExportTraceServiceResponse().SerializeToString())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
