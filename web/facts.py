"""Facts for Prometheus: what the rows say at a moment, and what the workers have counted in Redis.

Nothing of it is counted in a process, since processes come and go.
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import accumulate

from prometheus_client import Metric
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import clock
from domain.fitness.budget import Budget, Limits
from domain.fitness.circuit import Circuit
from domain.fitness.owed import owed_altogether
from domain.fitness.syncs import outcomes
from domain.leaderboards.drift import drift_altogether
from domain.ledger.checking import last_check
from domain.payouts.census import payouts_by_status, pools, unsure_since
from domain.payouts.rails.base import OUR_LISTS
from domain.payouts.reconciliation import outlook
from domain.redis import Redis
from domain.settings import Settings
from domain.tallies import BOUNDS, counts
from domain.waiting import waiting
from models.connection import Provider
from models.rail import RailName
from worker.queues import BEAT_MARK, PROGRESS_MARK, Queue

COUNTED = {
    "task_runs": ("Tasks that ended.", ("task", "outcome")),
    "task_seconds": ("Time that tasks took.", ("task",)),
    "vendor_calls": ("Calls to vendors, by HTTP status.", ("vendor", "outcome")),
    "rail_calls": ("Calls to payout rails, by what they said.", ("rail", "outcome")),
}
"""What workers count: its meaning and its labels."""
TIMED = {"flush_lag": "From a changed score to its place on the board."}
"""Durations that workers count."""

CONNECTIONS = text(
    "SELECT coalesce(state, 'none'), count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND backend_type = 'client backend' GROUP BY 1"
)


class RowFacts(Collector):
    """Read from PostgreSQL. Ages are 0 where nothing waits."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._session = session
        self._now = now

    def describe(self) -> list[Metric]:
        """Name nothing: the registry is made for one answer."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read everything."""
        yield from self._single()
        age = labelled("due_age_seconds", "Since the oldest of these was due.", "kind")
        due = labelled("due", "What should have been done by now.", "kind")
        for one in waiting(self._session, self._now):
            age.add_metric([one.kind], self._age(one.since))
            due.add_metric([one.kind], one.number)
        ended = labelled("syncs_ended", "Pulls that ended in the last 5 minutes.", "status", "code")
        for outcome in outcomes(self._session, self._now):
            ended.add_metric([outcome.status, outcome.error_code or ""], outcome.number)
        connections = labelled("database_connections", "Connections to the database.", "state")
        for state, number in self._session.execute(CONNECTIONS):
            connections.add_metric([state], number)
        yield from (age, due, ended, connections, *self._money(), *self._ledger())

    def _money(self) -> Iterator[Metric]:
        payouts = labelled("payouts", "Payouts in each state.", "status")
        for status, number in payouts_by_status(self._session).items():
            payouts.add_metric([status], number)
        promised = labelled("prize_pools", "Pools of prize plans.", "state", "currency")
        amount = labelled("prize_pools_minor", "What those pools promise.", "state", "currency")
        for one in pools(self._session):
            promised.add_metric([one.state, one.currency], one.number)
            amount.add_metric([one.state, one.currency], one.amount)
        yield from (payouts, promised, amount, *self._rails())

    def _rails(self) -> Iterator[Metric]:
        rails = [one for one in RailName if one not in OUR_LISTS]
        found = outlook(self._session, rails, self._now)
        yield GaugeMetricFamily(
            "podium_rail_differences",
            "Lines of rails' lists that are not what payouts say, by the newest comparisons.",
            found.differences,
        )
        yield GaugeMetricFamily(
            "podium_rail_behind_seconds",
            "Since a day could have been compared that was not yet.",
            self._age(found.behind_since),
        )

    def _ledger(self) -> Iterator[Metric]:
        last = last_check(self._session)
        for name, meaning, value in (
            ("findings", "What the last check found wrong.", 0 if last is None else last.findings),
            (
                "checked_age_seconds",
                "Since the last check.",
                self._age(None if last is None else last.checked_at),
            ),
        ):
            yield GaugeMetricFamily(f"podium_ledger_{name}", meaning, value)

    def _single(self) -> Iterator[Metric]:
        drift, debt = drift_altogether(self._session), owed_altogether(self._session)
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
            (
                "payout_unknown_age_seconds",
                "Since the payout whose outcome is unknown for longest became so.",
                self._age(unsure_since(self._session)),
            ),
        ):
            yield GaugeMetricFamily(f"podium_{name}", meaning, value)

    def _age(self, since: datetime | None) -> float:
        return 0.0 if since is None else max(0.0, (self._now - since).total_seconds())


class SharedFacts(Collector):
    """Read from Redis; without it only that it is away is told."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        limits = Limits(
            settings.google_fit_calls_per_minute, settings.google_fit_calls_per_minute_per_person
        )
        self._budget = Budget(redis, Provider.GOOGLE_FIT, limits)
        self._circuit = Circuit(redis, Provider.GOOGLE_FIT)

    def describe(self) -> list[Metric]:
        """Name nothing: the registry is made for one answer."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read everything."""
        try:
            found = [self._progress(), *self._vendor(), *self._counted()]
        except RedisError:
            found = []
        up = GaugeMetricFamily("podium_redis_up", "Whether Redis answers.", bool(found))
        yield from (up, *found)

    def _progress(self) -> Metric:
        """Tell how long ago each queue was worked on and beat last looked at its schedule."""
        parts = [*(f"{PROGRESS_MARK}{queue}" for queue in Queue), BEAT_MARK]
        marks = self._redis.mget(parts)
        age = labelled("progress_age_seconds", "Since a part of the machine last moved.", "part")
        for part, mark in zip([*Queue, "beat"], marks, strict=True):  # type: ignore[arg-type]
            if mark is not None:
                age.add_metric([part], max(0.0, time.time() - float(mark)))
        return age

    def _vendor(self) -> Iterator[Metric]:
        now = clock.now()
        for name, meaning, value in (
            (
                "budget_left",
                "Calls that our own budget would allow at once.",
                self._budget.room(now).calls,
            ),
            ("budget_size", "The most calls that it allows at once.", self._budget.burst),
            ("circuit_open", "Whether the vendor is left alone.", self._circuit.is_open(now)),
        ):
            family = labelled(f"vendor_{name}", meaning, "vendor")
            family.add_metric([Provider.GOOGLE_FIT], value)
            yield family

    def _counted(self) -> Iterator[Metric]:
        found: dict[str, list[tuple[tuple[str, ...], float]]] = defaultdict(list)
        for tally, amount in counts(self._redis):
            found[tally.name].append((tally.labels, amount))
        for name, (meaning, labels) in COUNTED.items():
            family = CounterMetricFamily(f"podium_{name}", meaning, labels=labels)
            for values, amount in found[name]:
                family.add_metric(values, amount)
            yield family
        for name, meaning in TIMED.items():
            yield timed(name, meaning, dict(found[name]), dict(found[f"{name}_sum"]).get((), 0.0))


def timed(
    name: str, meaning: str, numbers: Mapping[tuple[str, ...], float], total: float
) -> Metric:
    """Return a histogram of durations; Prometheus wants each bound to hold what the former do."""
    family = HistogramMetricFamily(f"podium_{name}_seconds", meaning)
    numbers_upto = accumulate(numbers.get((str(bound),), 0.0) for bound in BOUNDS)
    bounds = ("+Inf" if math.isinf(bound) else str(bound) for bound in BOUNDS)
    family.add_metric([], list(zip(bounds, numbers_upto, strict=True)), total)
    return family


def labelled(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    """Return an empty family of gauges."""
    return GaugeMetricFamily(f"podium_{name}", meaning, labels=labels)
