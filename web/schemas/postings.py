"""Points from services, in whole units of the competition's metric."""

import uuid
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.scoring.postings import Line, Points, Posted
from models.competition import MAX_SCORE
from models.posting import PostingKind
from web.schemas.fields import Answer, Body, Reason, UserId, UtcTime


class PostingBody(Body):
    """Whose posted part is to become `score`, or to change by `increment`: one of the two."""

    competition_id: uuid.UUID
    user_id: UserId
    score: Annotated[int, Field(ge=0, le=MAX_SCORE)] | None = None
    increment: Annotated[int, Field(ge=-MAX_SCORE, le=MAX_SCORE)] | None = None
    reason: Reason | None = None

    @model_validator(mode="after")
    def one_way(self) -> Self:
        """Refuse both ways at once, and neither."""
        if (self.score is None) == (self.increment is None):
            raise ValueError("give one of score and increment")
        return self

    def points(self) -> Points:
        """Return it as the domain takes it."""
        if self.increment is not None:
            kind, value = PostingKind.INCREMENT, self.increment
        else:
            kind, value = PostingKind.SET, self.score or 0
        return Points(self.competition_id, self.user_id, kind, value, self.reason)


class PostingAnswer(Answer):
    """What came of it. `score` is `computed` and `posted`."""

    posting_id: uuid.UUID
    competition_id: uuid.UUID
    user_id: UserId
    score: int
    computed: int
    posted: int
    posted_at: UtcTime

    @classmethod
    def of(cls, done: Posted) -> Self:
        """Render a posting and the score after it."""
        return cls(
            posting_id=done.posting.id,
            competition_id=done.participant.competition_id,
            user_id=done.participant.user_id,
            score=done.score,
            computed=done.participant.computed,
            posted=done.participant.posted,
            posted_at=done.posting.posted_at,
        )


class PostingLine(Answer):
    """One change of the posted part: from `before` to `after`."""

    posting_id: uuid.UUID
    service: str
    """Who posted it."""
    kind: PostingKind
    value: int
    before: int
    after: int
    reason: str | None
    posted_at: UtcTime

    @classmethod
    def of(cls, line: Line) -> Self:
        """Render a posting."""
        row = line.posting
        return cls(
            posting_id=row.id,
            service=line.service,
            kind=row.kind,
            value=row.value,
            before=row.before,
            after=row.after,
            reason=row.reason,
            posted_at=row.posted_at,
        )
