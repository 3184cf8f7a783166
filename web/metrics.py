"""`/metrics`: how the house stands, for Prometheus."""

from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_PLAIN_1_0_0, CollectorRegistry, generate_latest

from domain import clock
from web.auth import KEY_HEADER, caller_of_request
from web.counters import everyones
from web.db import front
from web.doors import door_of
from web.errors import API_KEY, Unauthorised
from web.facts import RowFacts, SharedFacts
from web.proxies import is_within

blueprint = Blueprint("metrics", __name__)

PROXIES = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
"""A request with one of these was passed on from somewhere else."""


@blueprint.get("/metrics")
def metrics() -> Response:
    """Tell how the house stands."""
    admit_scraper()
    registry = CollectorRegistry()
    registry.register(SharedFacts(front().redis, front().settings))
    with front().unit() as unit:
        registry.register(RowFacts(unit.session, clock.now()))
        body = generate_latest(registry)
    body += generate_latest(everyones())
    return Response(body, headers={"Content-Type": CONTENT_TYPE_PLAIN_1_0_0})


def admit_scraper() -> None:
    """Let in a key for it, and whoever asks directly from the inside."""
    if KEY_HEADER in request.headers:
        caller_of_request(people=False, scope=door_of("GET", request.path).scope)
        return
    passed_on = any(name in request.headers for name in PROXIES)
    if passed_on or not is_within(request.remote_addr or "", front().settings.metrics_networks):
        raise Unauthorised(
            "From outside, metrics are read with a key.",
            code="credential_missing",
            schemes=(API_KEY,),
        )
