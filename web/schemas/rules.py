"""Changes of a competition, and copies of it."""

from typing import Annotated, Any

from pydantic import Field

from models.competition import Scoring, Sources, Visibility
from models.slots import Metric
from web.schemas.competitions import (
    MOST_PARTICIPANTS,
    WEEK_HOURS,
    GoalScoring,
    SimpleScoring,
    Whole,
)
from web.schemas.fields import Body, Name, Prose, TimeZone, UtcTime
from web.schemas.prize_plans import PrizeBody


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


class CopyBody(Body):
    """When to hold it once more. Without an end it takes as long as the first time."""

    starts_at: UtcTime
    ends_at: UtcTime | None = None
    name: Name | None = None
