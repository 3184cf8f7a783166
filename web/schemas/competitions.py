"""Competitions and their participants."""

import enum
import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from domain.competitions.competition import NewCompetition, Seen
from domain.competitions.participants import ParticipantSeen
from models.competition import CompetitionStatus, Scoring, Sources, Visibility
from models.slots import Metric
from web.schemas.fields import (
    Answer,
    Body,
    Name,
    PageQuery,
    Prose,
    TimeZone,
    UserId,
    UtcTime,
)
from web.schemas.prize_plans import PrizeAnswer, PrizeBody

WEEK_HOURS = 168
MOST_PARTICIPANTS = 1_000_000
Whole = Annotated[int, Field(ge=1, le=10**12)]


class SimpleScoring(Body):
    """The sum of all days, or the highest day."""

    kind: Literal["total", "best_day"]


class GoalScoring(Body):
    """The number of days that reached a goal, in whole units of the metric."""

    kind: Literal["goal_days"]
    goal: Whole


def hours_of_review(given: Mapping[str, Any]) -> int:
    """Return how long a frozen standing is looked at where nobody has said: longer for money."""
    return 0 if given.get("prize") is None else 24


class CompetitionBody(Body):
    """A competition to be made. Times are whole quarter hours."""

    name: Name
    description: Prose | None = None
    metric: Metric
    starts_at: UtcTime
    ends_at: UtcTime
    timezone: TimeZone
    visibility: Visibility
    max_participants: Annotated[int, Field(ge=1, le=MOST_PARTICIPANTS)] | None = None
    scoring: Annotated[SimpleScoring | GoalScoring, Field(discriminator="kind")] = SimpleScoring(
        kind="total"
    )
    daily_cap: Whole | None = None
    min_score: Whole | None = None
    sources: Sources = Sources.MEASURED
    grace_hours: Annotated[int, Field(ge=0, le=WEEK_HOURS)] = 24
    prize: PrizeBody | None = None
    """The start must then lie in the future."""
    review_hours: Annotated[int, Field(ge=0, le=WEEK_HOURS, default_factory=hours_of_review)]
    """24 with a prize, else 0, if left out."""
    late_join: bool = True

    def decided(self) -> NewCompetition:
        """Return it as the domain takes it."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        goal = self.scoring.goal if isinstance(self.scoring, GoalScoring) else None
        prize = None if self.prize is None else self.prize.decided()
        scoring = Scoring(self.scoring.kind)
        return NewCompetition(**{**fields, "scoring": scoring, "goal": goal, "prize": prize})


class ScoringAnswer(Answer):
    """How days make a score."""

    kind: Scoring
    goal: int | None = None


class SourceFreshnessAnswer(Answer):
    """A source that has data in the competition's metric."""

    source: str
    last_data_at: UtcTime


class FreshnessAnswer(Answer):
    """How new someone's data is."""

    last_synced_at: UtcTime | None
    synced_until: UtcTime | None
    sources: list[SourceFreshnessAnswer]


class RulesFacts(Answer):
    """By what a competition is held: all that stands still from its start on."""

    metric: Metric
    starts_at: UtcTime
    ends_at: UtcTime
    timezone: str
    visibility: Visibility
    max_participants: int | None
    scoring: ScoringAnswer
    daily_cap: int | None
    min_score: int | None
    sources: Sources
    grace_hours: int
    review_hours: int
    """A review takes longer, by seven days at most, while an open flag may decide who wins."""
    late_join: bool
    prize: PrizeAnswer | None


class CompetitionAnswer(RulesFacts):
    """A competition as I see it."""

    id: uuid.UUID
    name: str
    description: str | None
    status: CompetitionStatus
    participant_count: int
    joined: bool
    organiser: bool
    """Whether I made it."""
    invite_code: str | None
    """Only for its organiser."""
    rules_version: int
    funded: bool | None
    """Null without a prize."""
    freshness: FreshnessAnswer | None
    """Null when I do not take part."""
    created_at: UtcTime

    @classmethod
    def of(cls, seen: Seen) -> Self:
        """Render what the domain says that one caller sees."""
        row = seen.competition
        computed = {
            "scoring": ScoringAnswer(kind=row.scoring, goal=row.goal),
            "joined": seen.joined,
            "organiser": seen.organiser,
            "invite_code": row.invite_code if seen.organiser else None,
            "prize": None if seen.prize is None else PrizeAnswer.of(seen.prize),
            "funded": None if seen.prize is None else seen.prize.funded_at is not None,
            "freshness": seen.freshness,
        }
        plain = {name: getattr(row, name) for name in cls.model_fields if name not in computed}
        return cls.model_validate({**plain, **computed}, from_attributes=True)


class CompetitionQuery(PageQuery):
    """Which competitions."""

    status: CompetitionStatus | None = None
    mine: bool = False
    """Only those that I made or take part in."""


class JoinBody(Body):
    """How to get in."""

    invite_code: Annotated[str, Field(max_length=100)] | None = None


class ParticipantStatus(enum.StrEnum):
    """Whether someone is on the board."""

    ACTIVE = "active"
    DISQUALIFIED = "disqualified"


class ParticipantAnswer(Answer):
    """Someone who takes part. The disqualified keep their place, but are not on the board."""

    user_id: UserId
    display_name: str
    joined_at: UtcTime
    status: ParticipantStatus
    reason: str | None
    """Why they were disqualified; only for the organiser and themselves."""
    freshness: FreshnessAnswer | None
    """Only for the organiser."""
    behind: bool | None
    """Whether the competition closes and this person's data is old; only for the organiser."""

    @classmethod
    def of(cls, seen: ParticipantSeen) -> Self:
        """Render what the domain says that one caller sees."""
        row = seen.participant
        out = row.disqualified_at is not None
        return cls.model_validate(
            {
                "user_id": row.user_id,
                "display_name": seen.display_name,
                "joined_at": row.joined_at,
                "status": ParticipantStatus.DISQUALIFIED if out else ParticipantStatus.ACTIVE,
                "reason": seen.reason,
                "freshness": seen.freshness,
                "behind": seen.behind,
            },
            from_attributes=True,
        )
