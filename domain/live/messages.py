"""The messages of the two sockets, as the contract names them (section 5)."""

import enum
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, WithJsonSchema
from typing_extensions import TypedDict

from models.competition import CompetitionStatus
from models.sync import SyncStatus


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


MEANINGS: Mapping[CloseCode, str] = {
    CloseCode.NORMAL: "The client said goodbye.",
    CloseCode.GOING_AWAY: "The client's page or app went away.",
    CloseCode.INTERNAL_ERROR: "Something failed here; come back.",
    CloseCode.RESTARTING: "This process restarts; come back.",
    CloseCode.BAD_MESSAGE: "The client said something that is no message.",
    CloseCode.UNAUTHORISED: "No good credential, or the token has expired.",
    CloseCode.FORBIDDEN: "The permission to see this competition was lost.",
    CloseCode.NOT_FOUND: "No such competition for this person.",
    CloseCode.NO_CREDENTIAL: "No credential came in time.",
    CloseCode.TOO_LARGE: "The client's message was too large.",
    CloseCode.TOO_SLOW_OR_TOO_MANY: "The client reads too slowly, or says or opens too much.",
}
"""What each close code tells a client."""

Id = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
Day = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
Offset = Annotated[int, WithJsonSchema({"type": "integer", "minimum": 0})]
CompetitionState = Annotated[
    str, WithJsonSchema({"type": "string", "enum": [one.value for one in CompetitionStatus]})
]
SyncState = Annotated[
    str, WithJsonSchema({"type": "string", "enum": [one.value for one in SyncStatus]})
]


class Entry(TypedDict):
    """A row of a board; its rank follows from the others."""

    user_id: Id
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
    competition_id: Id
    epoch: str
    offset: Offset
    status: CompetitionState
    total: int
    entries: list[RankedEntry]


class Snapshot(Board):
    """The whole state of a board: its top 100 and the reader's own place."""

    me: Place | None


class Update(TypedDict):
    """What happened to the top 100 from `base` to `offset`."""

    type: Literal["update"]
    epoch: str
    base: Offset
    offset: Offset
    total: int
    entries: list[Entry]
    removed: list[Id]


class Status(TypedDict):
    """The competition changed state."""

    type: Literal["status"]
    epoch: str
    base: Offset
    offset: Offset
    status: CompetitionState


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
    sync_id: Id
    status: SyncState
    slots: Slots
    error: SyncError | None


class Stats(TypedDict):
    """Today's totals by metric, in its unit; today is that of the person's zone."""

    type: Literal["stats"]
    date: Day
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
