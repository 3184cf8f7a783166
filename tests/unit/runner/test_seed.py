"""When the sandbox's competitions take place."""

from datetime import UTC, datetime
from typing import cast
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from sandbox.people import ZONES
from sandbox.seed import PLANS, Plan


@given(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    zone=st.sampled_from(ZONES),
)
def test_a_competition_has_begun_yesterday_at_midnight(now: datetime, zone: str) -> None:
    body = Plan("Any", "steps", zone, {}).body(now)
    starts, ends = (datetime.fromisoformat(cast("str", body[k])) for k in ("starts_at", "ends_at"))
    assert starts < now < ends
    assert starts.minute % 15 == ends.minute % 15 == 0
    days = ends.astimezone(ZoneInfo(zone)).date() - starts.astimezone(ZoneInfo(zone)).date()
    assert days.days == 6


def test_there_are_two_with_different_metrics() -> None:
    assert [plan.metric for plan in PLANS] == ["steps", "distance"]
    assert PLANS[1].body(datetime.now(UTC))["daily_cap"] == 15_000
