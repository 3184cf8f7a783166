"""What the clock makes of any times: where a competition stands, and which data it counts."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain import clock
from domain.fitness.windows import QUARTER
from models import Competition, Person
from models.competition import CompetitionStatus, Scoring
from models.source import SourceKind
from tests.devices import Device, store
from tests.factories import START, Factory
from tests.integration.competitions.conftest import WHOLE_LIFE, Life
from tests.rules import ON_SERVERS

SWITCH = datetime(2026, 3, 29, 1, tzinfo=UTC)
"""When Berlin's clocks go forward: two in the morning is skipped."""
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Cairo",
]
MOMENT = timedelta(seconds=20)
SELDOM = settings(ON_SERVERS, max_examples=ON_SERVERS.max_examples // 4)
"""Each example takes many transactions."""

plans = st.fixed_dictionaries(
    {
        "timezone": st.sampled_from(ZONES),
        "starts_at": st.integers(1, 12).map(lambda quarters: SWITCH - quarters * QUARTER),
        "grace_hours": st.integers(0, 2),
        "review_hours": st.integers(0, 2),
    }
)


def stage_at(competition: Competition, moment: datetime, frozen_at: datetime | None) -> int:
    """Return how many steps of its life are done, by the rules in plain words."""
    review = timedelta(hours=competition.review_hours)
    return (
        (moment >= competition.starts_at)
        + (moment >= competition.ends_at)
        + (frozen_at is not None)
        + (frozen_at is not None and moment >= frozen_at + review)
    )


@SELDOM
@given(
    plans=st.lists(plans, min_size=1, max_size=3),
    sweeps=st.lists(st.integers(-14, 24), max_size=5).map(sorted),
)
@example(
    plans=[
        {
            "timezone": zone,
            "starts_at": SWITCH - QUARTER,
            "grace_hours": 0,
            "review_hours": review,
        }
        for zone in ("Europe/Berlin", "UTC")
        for review in (0, 1)
    ],
    sweeps=[0, 4],
)
def test_each_is_where_the_clock_says_after_any_sweeps(
    life: Life, plans: list[dict[str, Any]], sweeps: list[int]
) -> None:
    """All of them end in the same second; whatever was slept through is made up for."""
    made = [
        life.over(people=1, **{**plan, "ends_at": SWITCH, "status": CompetitionStatus.UPCOMING})
        for plan in plans
    ]
    frozen_at: dict[object, datetime] = {}
    for number, quarters in enumerate(sweeps):
        moment = SWITCH + quarters * QUARTER + number * MOMENT
        with clock.moved(moment - clock.now()):
            life.sweep()
        for one in made:
            if moment >= one.cutoff_at:
                frozen_at.setdefault(one.id, moment)
            done = stage_at(one, moment, frozen_at.get(one.id))
            assert life.steps(one) == WHOLE_LIFE[:done]
            assert life.status(one) == ["upcoming", *(after for _, after in WHOLE_LIFE)][done]
            assert life.versions(one) == [(1, True)] * (one.id in frozen_at)


slots_around = st.dictionaries(st.integers(-100, 100), st.integers(1, 1499), max_size=10)
"""Steps by quarter hours from the switch."""


def walk(engine: Engine, person: Person, steps: Mapping[int, int]) -> None:
    """Store what a phone has of the days of these steps."""
    days: dict[date, dict[int, int]] = defaultdict(dict)
    for quarter, value in steps.items():
        at = SWITCH + quarter * QUARTER
        days[at.date()][(at.hour * 60 + at.minute) // 15] = value
    for day, values in days.items():
        device = Device(SourceKind.PHONE, values)
        number = (day - START.date()).days
        store(engine, person, [("phone", device)], day=number)


def score_of(competition: Competition, steps: Mapping[int, int]) -> int:
    """Count by the calendar on the wall of the competition's zone."""
    days: dict[date, int] = defaultdict(int)
    for quarter, value in steps.items():
        at = SWITCH + quarter * QUARTER
        if competition.starts_at <= at < competition.ends_at:
            days[at.astimezone(ZoneInfo(competition.timezone)).date()] += value
    counted = [min(value, competition.daily_cap or value) for value in days.values()]
    if competition.scoring is Scoring.TOTAL:
        return sum(counted)
    if competition.scoring is Scoring.BEST_DAY:
        return max(counted, default=0)
    return sum(value >= (competition.goal or 0) for value in counted)


@SELDOM
@given(
    zone=st.sampled_from(ZONES),
    before=st.integers(1, 100),
    after=st.integers(0, 100),
    grace=st.integers(0, 2),
    rule=st.sampled_from(
        [
            {"scoring": Scoring.TOTAL},
            {"scoring": Scoring.TOTAL, "daily_cap": 1700},
            {"scoring": Scoring.BEST_DAY},
            {"scoring": Scoring.GOAL_DAYS, "goal": 1000},
        ]
    ),
    steps=slots_around,
    late=slots_around,
)
@example("Europe/Berlin", 8, 0, 0, {"scoring": Scoring.TOTAL}, {-1: 7, 0: 90, -8: 5, -9: 30}, {})
@example(
    "Europe/Berlin", 96, 96, 1, {"scoring": Scoring.BEST_DAY}, {-5: 4, -4: 2, 87: 1, 88: 9}, {0: 99}
)
def test_a_score_is_of_the_days_on_the_wall_and_of_what_came_in_time(
    engine: Engine,
    session: Session,
    factory: Factory,
    zone: str,
    before: int,
    after: int,
    grace: int,
    rule: dict[str, Any],
    steps: dict[int, int],
    late: dict[int, int],
) -> None:
    competition = factory.competition(
        timezone=zone,
        starts_at=SWITCH - before * QUARTER,
        ends_at=SWITCH + after * QUARTER,
        grace_hours=grace,
        **rule,
    )
    person = factory.person()
    participant = factory.participant(competition, person)
    for moment, values in ((-MOMENT, steps), (timedelta(0), dict.fromkeys(steps, 0) | late)):
        with clock.moved(competition.cutoff_at + moment - clock.now()):
            walk(engine, person, values)
        session.refresh(participant)
        assert participant.score == score_of(competition, steps)
