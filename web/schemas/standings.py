"""Frozen standings."""

import uuid
from typing import Annotated, Self

from pydantic import Field

from models import Competition, Standing
from web.schemas.fields import Answer, PageQuery, Query, UserId, UtcTime
from web.schemas.life import By

Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


class VersionAnswer(Answer):
    """A version of a standing. The newest one holds."""

    version: int
    reason: str
    by: By
    created_at: UtcTime
    completed_at: UtcTime
    total: int
    digest: str
    """SHA-256 of its rows, in hexadecimal digits."""

    @classmethod
    def of(cls, standing: Standing, competition: Competition) -> Self:
        """Render a complete version."""
        return cls.model_validate(
            {
                "version": standing.version,
                "reason": standing.reason,
                "by": By.of(standing.author_id, competition),
                "created_at": standing.created_at,
                "completed_at": standing.completed_at,
                "total": standing.row_count,
                "digest": standing.digest.hex(),
            }
        )


class LineAnswer(Answer):
    """A place in a standing; equal scores share a rank."""

    rank: int
    user_id: UserId
    display_name: str
    score: int
    computed: int
    posted: int


class StandingAnswer(Answer):
    """A part of a standing. `next_cursor` is null at its end."""

    competition_id: uuid.UUID
    version: VersionAnswer
    items: list[LineAnswer]
    next_cursor: str | None


class VersionQuery(Query):
    """Which version; without one, the newest."""

    version: Version | None = None


class StandingQuery(PageQuery):
    """Which part of which version; without one, the newest."""

    version: Version | None = None
