"""`/metrics`: facts for Prometheus, read from the database when it asks.

Nothing is counted in a process, since processes come and go.
"""

from collections.abc import Iterator
from datetime import datetime

from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_PLAIN_1_0_0, CollectorRegistry, Metric, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from domain import clock
from domain.fitness.owed import owed_altogether
from domain.fitness.queue import oldest_due
from domain.leaderboards.drift import drift_altogether
from models.api_key import KeyScope
from web.auth import KEY_HEADER, caller_of_request
from web.db import front
from web.errors import API_KEY, Unauthorised
from web.proxies import is_within

blueprint = Blueprint("metrics", __name__)

PROXIES = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
"""A request with one of these was passed on from somewhere else."""


@blueprint.get("/metrics")
def metrics() -> Response:
    """Tell how the house stands."""
    admit_scraper()
    registry = CollectorRegistry()
    with front().unit() as unit:
        registry.register(Facts(unit.session, clock.now()))
        body = generate_latest(registry)
    return Response(body, headers={"Content-Type": CONTENT_TYPE_PLAIN_1_0_0})


def admit_scraper() -> None:
    """Let in a key for it, and whoever asks directly from the inside."""
    if KEY_HEADER in request.headers:
        caller_of_request(people=False, scope=KeyScope.METRICS_READ)
        return
    passed_on = any(name in request.headers for name in PROXIES)
    if passed_on or not is_within(request.remote_addr or "", front().settings.metrics_networks):
        raise Unauthorised(
            "From outside, metrics are read with a key.",
            code="credential_missing",
            schemes=(API_KEY,),
        )


class Facts(Collector):
    """What the rows say at a moment."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._session = session
        self._now = now

    def describe(self) -> list[Metric]:
        """Name nothing: the registry is made for one answer."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read everything. Ages are 0 where nothing waits."""
        drift, debt = drift_altogether(self._session), owed_altogether(self._session)
        due = oldest_due(self._session, self._now)
        for name, meaning, value in (
            ("board_live", "Boards that belong into Redis.", drift.boards),
            (
                "board_drifted",
                "Boards with wrong lines at their last comparison.",
                drift.wrong_boards,
            ),
            ("board_drift_lines", "Lines found wrong at the last comparisons.", drift.wrong_lines),
            (
                "board_verified_age_seconds",
                "Since the comparison of the board that was compared longest ago.",
                self._age(drift.verified_since),
            ),
            ("fitness_owed_windows", "Windows of data that were never fetched.", debt.windows),
            ("fitness_owed_people", "People who miss such windows.", debt.people),
            (
                "fitness_owed_age_seconds",
                "Since the window that waits longest was found missing.",
                self._age(debt.since),
            ),
            ("sync_due_age_seconds", "Since the oldest waiting pull was due.", self._age(due)),
        ):
            yield GaugeMetricFamily(f"podium_{name}", meaning, value)

    def _age(self, since: datetime | None) -> float:
        return 0.0 if since is None else max(0.0, (self._now - since).total_seconds())
