"""The messages of the two sockets, as the contract names them (section 5)."""

import enum
from typing import Annotated, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class CloseCode(enum.IntEnum):
    """Why a socket ends. Clients do not come back after 4400, 4401, 4403 and 4404."""

    NORMAL = 1000
    GOING_AWAY = 1001
    INTERNAL_ERROR = 1011
    RESTARTING = 1012
    BAD_MESSAGE = 4400
    UNAUTHORISED = 4401
    FORBIDDEN = 4403
    NOT_FOUND = 4404
    NO_CREDENTIAL = 4408
    TOO_LARGE = 4413
    TOO_SLOW_OR_TOO_MANY = 4429


class Entry(TypedDict):
    """A row of a board; its rank follows from the others."""

    user_id: str
    display_name: str
    score: int


class RankedEntry(Entry):
    """A row of a snapshot."""

    rank: int


class Next(TypedDict):
    """The next better place and how many points are missing to share it."""

    rank: int
    gap: int


class Place(TypedDict):
    """One person's place. `rank` and `score` are null for someone who is not on the board."""

    rank: int | None
    score: int | None
    next: Next | None


class Board(TypedDict):
    """A snapshot as far as it is the same for everyone."""

    type: Literal["snapshot"]
    competition_id: str
    epoch: str
    offset: int
    status: str
    total: int
    entries: list[RankedEntry]


class Snapshot(Board):
    """The whole state of a board: its top 100 and the reader's own place."""

    me: Place | None


class Update(TypedDict):
    """What happened to the top 100 from `base` to `offset`."""

    type: Literal["update"]
    epoch: str
    base: int
    offset: int
    total: int
    entries: list[Entry]
    removed: list[str]


class Status(TypedDict):
    """The competition changed state."""

    type: Literal["status"]
    epoch: str
    base: int
    offset: int
    status: str


class Me(Place):
    """The reader's own place has changed."""

    type: Literal["me"]


class Slots(TypedDict):
    """Quarter hours of data."""

    received: int
    changed: int


class SyncError(TypedDict):
    """Why a sync failed."""

    code: str
    detail: str


class Sync(TypedDict):
    """State of a sync."""

    type: Literal["sync"]
    sync_id: str
    status: str
    slots: Slots
    error: SyncError | None


class Stats(TypedDict):
    """Today's totals by metric, in its unit; today is that of the person's zone."""

    type: Literal["stats"]
    date: str
    totals: dict[str, float]


class Notice(TypedDict):
    """Something that the person should do.

    `reauth_required`: connect the vendor again. `behind`: let the phone send what it has.
    """

    type: Literal["notice"]
    code: Literal["reauth_required", "behind"]
    detail: str


class Pong(TypedDict):
    """Answer to a ping."""

    type: Literal["pong"]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Auth(_Said):
    """A credential: the first message of a socket without one, or a newer one later."""

    type: Literal["auth"]
    token: Annotated[str, Field(min_length=1, repr=False)]


class Ping(_Said):
    """Asks for a pong."""

    type: Literal["ping"]


ClientMessage = Auth | Ping

_reader: TypeAdapter[ClientMessage] = TypeAdapter(
    Annotated[ClientMessage, Field(discriminator="type")]
)


def read_message(text: str) -> ClientMessage:
    """Parse what a client said. Raises pydantic's ValidationError (a ValueError) otherwise."""
    return _reader.validate_json(text)
