"""A board's rows."""

import uuid
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from domain.leaderboards.board import TOP
from models.competition import CompetitionStatus
from models.slots import Metric
from web.schemas.fields import Answer, Query, UserId, UtcTime

NEIGHBOURS = 11
MOST_USERS = 200


def _ids(given: str) -> str:
    """Check a comma-separated list of user ids and spell them as the board does."""
    ids = [str(uuid.UUID(one.strip())) for one in given.split(",") if one.strip()]
    if not 1 <= len(ids) <= MOST_USERS:
        raise ValueError(f"must be 1 to {MOST_USERS} user ids, with commas between them")
    return ",".join(dict.fromkeys(ids))


class LeaderboardQuery(Query):
    """Which rows: consecutive ones, the neighbourhood of someone, or certain people."""

    limit: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Default 100, or 11 with `around`."""
    start: Annotated[int, Field(ge=0, le=10**9)] = 0
    """Zero-based index."""
    around: Literal["me"] | UserId | None = None
    users: Annotated[str, Field(max_length=10_000), AfterValidator(_ids)] | None = None

    @model_validator(mode="after")
    def one_way(self) -> "LeaderboardQuery":
        """Refuse two ways of choosing at once."""
        if sum((self.around is not None, self.users is not None, self.start > 0)) > 1:
            raise ValueError("choose by one of start, around and users")
        return self

    @property
    def rows(self) -> int:
        """How many rows at most."""
        return self.limit or (TOP if self.around is None else NEIGHBOURS)


class LeaderboardEntry(Answer):
    """A row."""

    rank: int
    user_id: UserId
    display_name: str
    score: int


class NextPlace(Answer):
    """The next better place."""

    rank: int
    gap: int
    """Points to it."""


class MyEntry(LeaderboardEntry):
    """My own row."""

    next: NextPlace | None
    """Null for those in the first place."""


class Leaderboard(Answer):
    """Rows of a board at one of its positions."""

    competition_id: uuid.UUID
    metric: Metric
    status: CompetitionStatus
    epoch: str
    offset: int
    """The position in the board's stream."""
    total: int
    entries: list[LeaderboardEntry]
    me: MyEntry | None
    """Null when I am not on the board."""
    as_of: UtcTime
    """When the rows were read."""
