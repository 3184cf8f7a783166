"""Steps in a competition's life."""

import enum
from typing import Self

from models import Competition, Transition
from models.competition import CompetitionStatus
from web.schemas.fields import Answer, Body, Reason, UtcTime


class WhyBody(Body):
    """Why, for everyone to read."""

    reason: Reason | None = None


class By(enum.StrEnum):
    """Who did it."""

    CLOCK = "clock"
    ORGANISER = "organiser"
    ADMIN = "admin"
    SERVICE = "service"

    @classmethod
    def of(cls, author_id: int | None, competition: Competition) -> "By":
        """Tell an organiser from an admin; nobody is the clock."""
        if author_id is None:
            return cls.CLOCK
        return cls.ORGANISER if author_id == competition.organiser_id else cls.ADMIN


class StepAnswer(Answer):
    """A step from one status to another."""

    before: CompetitionStatus
    after: CompetitionStatus
    at: UtcTime
    by: By
    reason: str | None

    @classmethod
    def of(cls, step: Transition, competition: Competition) -> Self:
        """Render a step."""
        return cls(
            before=step.before,
            after=step.after,
            at=step.happened_at,
            by=By.of(step.author_id, competition) if step.service is None else By.SERVICE,
            reason=step.reason,
        )
