"""Everybody of the sandbox, in all kinds of competitions: explanations add up to the board."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from domain import clock
from domain.leaderboards.keys import board_key
from domain.redis import Redis
from domain.scoring.explain import Explanation, SourcePart, explain
from models import Competition, Participant, Person, Source, SourceOrder
from models.competition import Scoring, Sources
from models.slots import Metric
from models.source import SourceKind
from sandbox.runner.__main__ import PEOPLE
from sandbox.seed import PLANS
from sandbox.server import running
from sandbox.world import World
from tasks import leaderboards
from tests.factories import Factory
from tests.integration.fitness.outside import Outside, last_sync, pull
from tests.scores import recompute_everyone

pytestmark = pytest.mark.usefixtures("app")

KINDS: list[dict[str, Any]] = [
    {"sources": Sources.ALL},
    {"scoring": Scoring.BEST_DAY, "metric": Metric.CALORIES},
    {"scoring": Scoring.GOAL_DAYS, "goal": 5000, "timezone": "Asia/Kathmandu"},
    {"metric": Metric.ACTIVE_MINUTES, "daily_cap": 40, "sources": Sources.ALL},
    {"metric": Metric.HEART_POINTS, "timezone": "Pacific/Chatham"},
]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
THERE = text(
    """
    SELECT l.day, d.source, d.class, sum(u.value) FROM slot_day d
    CROSS JOIN LATERAL unnest(d.slots) WITH ORDINALITY AS u(value, number)
    CROSS JOIN LATERAL (SELECT CAST(d.day AS timestamp) AT TIME ZONE 'UTC'
                               + (u.number - 1) * interval '15 minutes' AS at) x
    JOIN competition_day l ON l.competition_id = :competition
         AND x.at >= l.starts_at AND x.at < l.ends_at
    WHERE d.person_id = :person AND d.metric = :metric AND u.value > 0
    GROUP BY l.day, d.source, d.class
    """
)


@pytest.fixture
def outside_url() -> Iterator[str]:
    """As many people as `make run` has."""
    with running(World(PEOPLE)) as url:
        yield url


def seeded(factory: Factory) -> Iterator[Competition]:
    """Make the competitions that `make run` seeds."""
    for plan in PLANS:
        body = plan.body(clock.now())
        yield factory.competition(
            metric=Metric(plan.metric),
            timezone=plan.timezone,
            starts_at=datetime.fromisoformat(body["starts_at"]),
            ends_at=datetime.fromisoformat(body["ends_at"]),
            daily_cap=plan.extra.get("daily_cap"),
        )


def check_days(session: Session, found: Explanation) -> None:
    """Compare the days' parts with what is stored, and with what the days count."""
    competition = found.competition
    asked = {
        "person": found.participant.person_id,
        "competition": competition.id,
        "metric": competition.metric,
    }
    there = {tuple(place): int(total) for *place, total in session.execute(THERE, asked)}
    assert there == {
        (day.day, one.source, one.slot_class): one.counted + one.dropped
        for day in found.days
        for one in day.parts
    }
    for day in found.days:
        assert all((one.why is None) == (one.dropped == 0) for one in day.parts)
        assert sum(one.counted for one in day.parts) == day.counted + day.over_cap
        assert day.counted <= (competition.daily_cap or day.counted) * 1000


def total(found: Explanation) -> int:
    """Add an explanation up."""
    days = [day.counted for day in found.days]
    match found.competition.scoring:
        case Scoring.BEST_DAY:
            return max(days, default=0) // 1000
        case Scoring.GOAL_DAYS:
            goal = found.competition.goal
            assert goal is not None
            return sum(day >= goal * 1000 for day in days)
        case Scoring.TOTAL:
            return sum(days) // 1000


def check(
    session: Session, redis: Redis, competition: Competition, person: Person
) -> list[SourcePart]:
    found = explain(session, competition.id, person.user_id)
    check_days(session, found)
    assert total(found) == found.participant.score
    shown = redis.zscore(board_key(competition.id), str(person.user_id))
    assert shown == -found.participant.score
    return [part for day in found.days for part in day.parts]


def put_phones_first(session: Session, people: Sequence[Person]) -> None:
    """Let some people have believed their phone before their watch for ever."""
    sources = session.scalars(select(Source).where(Source.person_id.in_(p.id for p in people)))
    ordered = sorted(sources, key=lambda one: (one.person_id, one.kind is not SourceKind.PHONE))
    for person_id, own in groupby(ordered, lambda one: one.person_id):
        keys = [one.key for one in own]
        session.add(SourceOrder(person_id=person_id, ordered_at=LONG_AGO, keys=keys))


def test_explanations_of_everybody_add_up(
    session: Session, redis: Redis, outside: Outside, factory: Factory
) -> None:
    start = clock.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
    competitions = [
        *seeded(factory),
        *(factory.competition(**{"starts_at": start, **columns}) for columns in KINDS),
    ]
    people = [outside.connected(f"walker-{n:03}") for n in range(1, PEOPLE + 1)]
    for competition in competitions:
        for person in people:
            factory.participant(competition, person)
    for some in (people[n::6] for n in range(6)):
        outside.ask(*some)
        pull()
    assert {last_sync(session, person).status for person in people} == {"succeeded"}
    put_phones_first(session, people[::3])
    for competition in competitions:
        recompute_everyone(session, competition.id)
    session.commit()
    for competition in competitions:
        leaderboards.rebuild.apply(kwargs={"competition_id": str(competition.id)}, throw=True)
    session.expire_all()
    parts = [
        part
        for competition in competitions
        for person in people
        for part in check(session, redis, competition, person)
    ]
    assert len(parts) > 10 * PEOPLE
    assert {SourceKind.WATCH, SourceKind.PHONE, SourceKind.CLOUD} <= {one.kind for one in parts}
    assert {"overlap", "manual"} <= {one.why for one in parts}
    overlapped = {one.kind for one in parts if one.why == "overlap"}
    assert {SourceKind.WATCH, SourceKind.PHONE} <= overlapped, "own orders count"
    assert session.query(Participant).filter(Participant.computed > 0).count() > 5 * PEOPLE
