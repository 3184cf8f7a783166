"""Changes of a competition, the rules that it had before, and copies of it."""

from typing import Annotated, Any, Self

from pydantic import Field

from domain.competitions.past_rules import Version
from models import Competition
from models.competition import Scoring, Sources, Visibility
from models.slots import Metric
from web.schemas.competitions import (
    MOST_PARTICIPANTS,
    WEEK_HOURS,
    GoalScoring,
    RulesFacts,
    ScoringAnswer,
    SimpleScoring,
    Whole,
)
from web.schemas.fields import Body, Name, Prose, TimeZone, UtcTime
from web.schemas.life import By
from web.schemas.prize_plans import PrizeAnswer, PrizeBody


def left_out() -> Any:
    """Return a field whose absence means that nothing changes, which null does not mean."""
    return Field(default_factory=lambda: None)


class ChangeBody(Body):
    """What changes; the rest stays. After the start only name and description may."""

    name: Name = left_out()
    description: Prose | None = left_out()
    metric: Metric = left_out()
    starts_at: UtcTime = left_out()
    ends_at: UtcTime = left_out()
    timezone: TimeZone = left_out()
    visibility: Visibility = left_out()
    max_participants: Annotated[int, Field(ge=1, le=MOST_PARTICIPANTS)] | None = left_out()
    scoring: Annotated[SimpleScoring | GoalScoring, Field(discriminator="kind")] = left_out()
    daily_cap: Whole | None = left_out()
    min_score: Whole | None = left_out()
    sources: Sources = left_out()
    grace_hours: Annotated[int, Field(ge=0, le=WEEK_HOURS)] = left_out()
    review_hours: Annotated[int, Field(ge=0, le=WEEK_HOURS)] = left_out()
    late_join: bool = left_out()
    prize: PrizeBody | None = left_out()

    def given(self) -> dict[str, Any]:
        """Return the fields that were sent, as the domain names them."""
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        if isinstance(scoring := sent.get("scoring"), SimpleScoring | GoalScoring):
            sent["scoring"] = Scoring(scoring.kind)
            sent["goal"] = scoring.goal if isinstance(scoring, GoalScoring) else None
        if isinstance(prize := sent.get("prize"), PrizeBody):
            sent["prize"] = prize.decided()
        return sent


class RulesAnswer(RulesFacts):
    """A version of a competition's rules. The newest one holds, whatever has become of its end."""

    version: int
    since: UtcTime
    by: By

    @classmethod
    def of(cls, found: Version, competition: Competition) -> Self:
        """Render a version."""
        rules = found.rules
        computed = {
            "version": found.version,
            "since": found.since,
            "by": By.of(found.author_id, competition),
            "scoring": ScoringAnswer(kind=rules.scoring, goal=rules.goal),
            "prize": None if rules.prize is None else PrizeAnswer.of(rules.prize),
        }
        plain = {name: getattr(rules, name) for name in cls.model_fields if name not in computed}
        return cls.model_validate({**plain, **computed})


class CopyBody(Body):
    """When to hold it once more. Without an end it takes as long as the first time."""

    starts_at: UtcTime
    ends_at: UtcTime | None = None
    name: Name | None = None
