"""A person's own numbers. Values are in the metric's unit, with up to three decimals."""

import uuid
from datetime import date, timedelta
from typing import Annotated, Self

from pydantic import Field

from domain.errors import Invalid
from domain.fitness.stats import Stats
from models.slots import Metric
from web.schemas.fields import Answer, Query, TimeZone, UtcTime, in_units

USUAL_DAYS = 30
MOST_DAYS = 400
EARLIEST = date(1970, 1, 1)


class StatsQuery(Query):
    """Local dates, both included; by default the last 30 days. `tz` is by default my own zone."""

    from_: Annotated[date | None, Field(alias="from")] = None
    to: date | None = None
    tz: TimeZone | None = None

    def stretch(self, today: date) -> tuple[date, date]:
        """Return the first and the last day. Raises Invalid when they do not fit together."""
        last = self.to or today
        if last > today + timedelta(days=1):
            raise Invalid("must not be in the future", loc=("query", "to"))
        if last < EARLIEST:
            raise Invalid(f"must not be before {EARLIEST}", loc=("query", "to"))
        first = self.from_ or last - timedelta(days=USUAL_DAYS - 1)
        if not 0 <= (last - first).days < MOST_DAYS:
            raise Invalid(
                f"must be `from` or up to {MOST_DAYS - 1} days later", loc=("query", "to")
            )
        return first, last


class DayAnswer(Answer):
    """What was measured on a local date."""

    date: date
    steps: float
    distance: float
    calories: float
    active_minutes: float
    heart_points: float


class BestDayAnswer(Answer):
    """The day on which most was measured."""

    date: date
    value: float


class TrendAnswer(Answer):
    """The seven days up to `to`, and the seven before."""

    current_7d: float
    previous_7d: float
    change_pct: float | None


class SourceAnswer(Answer):
    """A source and the end of its newest quarter hour with data."""

    source: str
    last_data_at: UtcTime | None


class StatsAnswer(Answer):
    """My numbers. `totals` were measured; `manual` was typed in or is of unknown origin."""

    user_id: uuid.UUID
    tz: str
    from_: Annotated[date, Field(serialization_alias="from")]
    to: date
    totals: dict[Metric, float]
    manual: dict[Metric, float]
    days: list[DayAnswer]
    best_day: dict[Metric, BestDayAnswer | None]
    streak_days: int
    trend: dict[Metric, TrendAnswer]
    sources: list[SourceAnswer]
    last_synced_at: UtcTime | None

    @classmethod
    def of(cls, user_id: uuid.UUID, tz: str, first: date, last: date, stats: Stats) -> Self:
        """Render the numbers of a stretch."""
        return cls(
            user_id=user_id,
            tz=tz,
            from_=first,
            to=last,
            totals={metric: in_units(stats.total(metric)) for metric in Metric},
            manual={metric: in_units(stats.total_manual(metric)) for metric in Metric},
            days=[
                DayAnswer.model_validate(
                    {"date": day.day}
                    | {str(metric): in_units(value) for metric, value in day.measured.items()}
                )
                for day in stats.days
            ],
            best_day={metric: _best(stats, metric) for metric in Metric},
            streak_days=stats.streak_days,
            trend={
                metric: TrendAnswer(
                    current_7d=in_units(trend.current),
                    previous_7d=in_units(trend.previous),
                    change_pct=trend.change_percent,
                )
                for metric, trend in stats.trends.items()
            },
            sources=[
                SourceAnswer(source=one.key, last_data_at=one.last_data_at) for one in stats.sources
            ],
            last_synced_at=stats.last_synced_at,
        )


def _best(stats: Stats, metric: Metric) -> BestDayAnswer | None:
    day = stats.best_day(metric)
    if day is None:
        return None
    return BestDayAnswer(date=day.day, value=in_units(day.measured[metric]))
