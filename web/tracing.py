"""A span for each request. Imported only where a collector is set."""

from flask import Flask, Response, g
from opentelemetry import trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor

from worker.telemetry import Telemetry

APART = "/ws/.*,/events$,/health,/metrics"
"""Connections that last for hours, and what machines ask every few seconds."""


def trace_requests(app: Flask, telemetry: Telemetry) -> None:
    """Give each request of `app` a span, under that of whoever sent a traceparent."""
    app.after_request(_with_its_id)
    FlaskInstrumentor().instrument_app(  # type: ignore[no-untyped-call]  # its own
        app, excluded_urls=APART, tracer_provider=telemetry.provider
    )


def _with_its_id(response: Response) -> Response:
    trace.get_current_span().set_attribute("request_id", g.request_id)
    return response
