"""A person's own numbers by calendar date in a zone of their choice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from domain.competitions.calendar import LocalDay, days_of, midnight
from domain.scoring.merge import MERGED
from models import FitnessConnection, Person
from models.slots import Metric

WEEK = 7
Values = dict[Metric, int]
"""By metric, in 1/1000 of its unit."""


@dataclass(frozen=True)
class Day:
    """A local date: what was measured, and what was typed in or of unknown origin."""

    day: date
    measured: Values
    manual: Values


class Counted(NamedTuple):
    """What someone has of a metric on a local date, in 1/1000 of its unit."""

    person_id: int
    day: date
    metric: Metric
    is_measured: bool
    value: int


@dataclass(frozen=True)
class Trend:
    """The last seven days beside the seven before."""

    current: int
    previous: int

    @property
    def change_percent(self) -> float | None:
        """How much more, in per cent to one decimal; None where there was nothing before."""
        if not self.previous:
            return None
        return round((self.current - self.previous) * 100 / self.previous, 1)


@dataclass(frozen=True)
class SourceSeen:
    """A source and the end of its newest quarter hour that holds something."""

    key: str
    last_data_at: datetime | None


@dataclass(frozen=True)
class Stats:
    """What the days of a stretch come to."""

    days: list[Day]
    streak_days: int
    """Days in a row with steps, up to the last one; a last day without any yet does not end it."""
    trends: dict[Metric, Trend]
    sources: list[SourceSeen]
    last_synced_at: datetime | None

    def total(self, metric: Metric) -> int:
        """Return what was measured."""
        return sum(day.measured[metric] for day in self.days)

    def total_manual(self, metric: Metric) -> int:
        """Return what was not."""
        return sum(day.manual[metric] for day in self.days)

    def best_day(self, metric: Metric) -> Day | None:
        """Return the day on which most was measured, the earliest of equals."""
        best = max(self.days, key=lambda day: day.measured[metric], default=None)
        return best if best is not None and best.measured[metric] else None


BY_DAY = text(
    f"""
    WITH touched AS MATERIALIZED (
        SELECT CAST(NULL AS uuid) AS competition_id, l.person_id,
               l.day, l.starts_at, l.ends_at, m.metric, 'measured' AS sources,
               CAST(:now AS timestamptz) AS ruled_at
        FROM unnest(CAST(:people AS bigint[]), CAST(:days AS date[]),
                    CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
             AS l(person_id, day, starts_at, ends_at)
        CROSS JOIN unnest(CAST(:metrics AS text[])) AS m(metric)
    ),
    {MERGED}
    SELECT person_id, day, metric, part = 'measured' AS is_measured, sum(value) AS value
    FROM merged GROUP BY person_id, day, metric, part = 'measured'
    """  # noqa: S608  the fragment is our own
)
NEWEST = text(
    """
    SELECT s.key, (
        SELECT CAST(d.day AS timestamp) AT TIME ZONE 'UTC' + u.number * interval '15 minutes'
        FROM slot_day d CROSS JOIN LATERAL unnest(d.slots) WITH ORDINALITY AS u(value, number)
        WHERE d.person_id = s.person_id AND d.source = s.key AND u.value > 0
        ORDER BY d.day DESC, u.number DESC LIMIT 1
    ) AS last_data_at
    FROM source s WHERE s.person_id = :person_id ORDER BY s.key
    """
)


def stats_of(
    session: Session, person: Person, first: date, last: date, zone: ZoneInfo, now: datetime
) -> Stats:
    """Return a person's numbers from `first` to `last`, both included, by dates of `zone`."""
    # The trend looks two weeks back from the last day, however short the stretch is.
    since = min(first, last - timedelta(days=2 * WEEK - 1))
    stretch = list(
        days_of(midnight(since, zone), midnight(last + timedelta(days=1), zone), zone.key)
    )
    every = _days(session, person, stretch, now)
    shown = [day for day in every if day.day >= first]
    return Stats(
        days=shown,
        streak_days=_streak(shown),
        trends={metric: _trend(every, metric, last) for metric in Metric},
        sources=[
            SourceSeen(row.key, row.last_data_at)
            for row in session.execute(NEWEST, {"person_id": person.id})
        ],
        last_synced_at=session.scalar(
            select(func.max(FitnessConnection.last_synced_at)).where(
                FitnessConnection.person_id == person.id
            )
        ),
    )


def _days(
    session: Session, person: Person, stretch: Sequence[LocalDay], now: datetime
) -> list[Day]:
    days = {
        one.day: Day(one.day, dict.fromkeys(Metric, 0), dict.fromkeys(Metric, 0)) for one in stretch
    }
    for counted in count_days(session, [(person.id, one) for one in stretch], now):
        day = days[counted.day]
        values = day.measured if counted.is_measured else day.manual
        values[counted.metric] = counted.value
    return list(days.values())


def count_days(
    session: Session, days: Sequence[tuple[int, LocalDay]], now: datetime
) -> Iterator[Counted]:
    """Yield what people, by their row ids, have on local days; what is 0 may be missing."""
    rows = session.execute(
        BY_DAY,
        {
            "now": now.astimezone(UTC),
            "people": [person_id for person_id, _ in days],
            "days": [one.day for _, one in days],
            "starts": [one.start for _, one in days],
            "ends": [one.end for _, one in days],
            "metrics": [str(metric) for metric in Metric],
        },
    )
    for row in rows:
        metric = Metric(row.metric)
        yield Counted(row.person_id, row.day, metric, row.is_measured, int(row.value))


def _streak(days: Sequence[Day]) -> int:
    walked = [day.measured[Metric.STEPS] > 0 for day in days]
    if walked and not walked[-1]:
        walked.pop()
    return [*walked[::-1], False].index(False)


def _trend(days: Sequence[Day], metric: Metric, last: date) -> Trend:
    week, before = last - timedelta(days=WEEK), last - timedelta(days=2 * WEEK)
    return Trend(
        current=sum(day.measured[metric] for day in days if day.day > week),
        previous=sum(day.measured[metric] for day in days if before < day.day <= week),
    )
