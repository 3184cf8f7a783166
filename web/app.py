"""The application factory."""

import os

from flask import Flask
from flask_cors import CORS

from domain.settings import Settings, load_or_exit
from web import (
    access,
    adjustments,
    admission,
    cli,
    competitions,
    distributions,
    docs,
    errors,
    explanations,
    fitness,
    flags,
    funding,
    health,
    leaderboard,
    life,
    limiter,
    me,
    metrics,
    pages,
    payout_accounts,
    personal_data,
    postings,
    prizes,
    records,
    rules,
    rulings,
    sources,
    spectators,
    standings,
    stats,
    webhooks,
)
from web.db import EXTENSION, Front
from web.idempotency import HEADER, REPLAYED
from web.live import routes as live
from web.proxies import Proxies
from worker.logs import configure_logging
from worker.reports import reports
from worker.traces import traces

CONDITIONS = ("If-None-Match", "Last-Event-ID")
"""Headers in which a client says what it has."""

TOLD = ("ETag", "Location", "Retry-After", limiter.POLICY, limiter.LEFT)
"""Headers that pages of other origins may read."""

LARGEST_BODY = 64 * 1024
"""Bytes; a route that takes more says so itself."""


def create_app(settings: Settings | None = None) -> Flask:
    """Return the application. Without `settings` they come from the environment."""
    settings = settings or load_or_exit(os.environ)
    configure_logging(settings.log_level, settings.log_format)
    reports.begin(settings)
    app = Flask("web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.wsgi_app = Proxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]  # as Flask advises
    app.extensions[EXTENSION] = front = Front(settings)
    _trace(app, settings)
    if settings.stripe_api_key is not None:
        # Its import takes a second, for which open sockets should not have to wait later.
        _ = front.stripe
    access.install(app)
    errors.install(app)
    limiter.install(app)
    _allow_origins(app, settings)
    for noun in (
        me,
        personal_data,
        payout_accounts,
        competitions,
        rules,
        life,
        funding,
        prizes,
        distributions,
        adjustments,
        rulings,
        standings,
        explanations,
        flags,
        leaderboard,
        postings,
        fitness,
        records,
        sources,
        spectators,
        stats,
        webhooks,
        health,
    ):
        noun.routes.register(app)
    live.register(app)
    docs.install(app)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(metrics.blueprint)
    admission.check_doors(app)
    cli.install(app)
    return app


def _trace(app: Flask, settings: Settings) -> None:
    telemetry = traces.begin(settings, "web")
    if telemetry is not None:
        from web.tracing import trace_requests  # only then: see `worker.traces`

        trace_requests(app, telemetry)


def _allow_origins(app: Flask, settings: Settings) -> None:
    """Let pages of these origins call the API. Tokens travel in a header, never in a cookie."""
    CORS(
        app,
        resources={r"/api/*": {"origins": list(settings.cors_origins)}},
        allow_headers=["Authorization", "Content-Type", *CONDITIONS, HEADER, access.REQUEST_ID],
        expose_headers=[*TOLD, REPLAYED, access.REQUEST_ID],
        max_age=600,
    )
