"""The AsyncAPI 3.0 document of sockets and event streams, read off the messages' types.

What is left for us is who says what where. Event streams carry the messages of the socket beside
them, so both are channels of the same messages.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from domain.live import messages
from web.openapi import REFERENCE
from web.schemas.live import StreamQuery

BOARD = (messages.Snapshot, messages.Update, messages.Status, messages.Me)
SYNCS = (messages.Sync, messages.Stats, messages.Notice)
SAID_BY_CLIENTS = (messages.Auth, messages.Ping)
ALL = (*BOARD, *SYNCS, messages.Pong, *SAID_BY_CLIENTS)

RULE = (
    "A message with `base` applies to the state at `base` and leads to `offset`. Ignore one whose"
    " `offset` is not newer than yours, and resume when its `base` is. After applying it drop"
    " `removed`, sort by score, best first, then by `user_id`, and rank by the number of strictly"
    " better rows."
)
CREDENTIAL = (
    "The credential is the header `Authorization`, or `ticket` in the query, or a first message"
    " `auth` within 5 s. A later `auth` prolongs an open socket."
)
STREAM = "The messages of the socket as Server-Sent Events, one in each."
POSITION = StreamQuery.model_json_schema()["properties"]
CREDENTIALS = ("person", "ticket")
TICKET = {"ticket": {"type": "string", "description": "From `POST /api/v1/live/tickets`."}}


@dataclass(frozen=True)
class Channel:
    """One address, and what is said there."""

    name: str
    address: str
    description: str
    said: tuple[type, ...]
    """What we say unasked."""
    resumes: bool
    """Whether a client says in the query what it has."""
    is_socket: bool
    is_open: bool = False
    """Whether no credential is asked for."""

    @property
    def query(self) -> dict[str, Any]:
        """Schema of the query."""
        ticket = {} if self.is_open else TICKET
        return {"type": "object", "properties": ticket | (POSITION if self.resumes else {})}

    @property
    def messages(self) -> tuple[type, ...]:
        """Everything that is said there."""
        return (*self.said, *((messages.Pong, *SAID_BY_CLIENTS) if self.is_socket else ()))


CHANNELS = (
    Channel(
        "leaderboard",
        "/ws/leaderboard/{competitionId}",
        f"A board. {RULE} {CREDENTIAL}",
        BOARD,
        resumes=True,
        is_socket=True,
    ),
    Channel(
        "fitness",
        "/ws/fitness",
        f"One's own syncs; on connecting their present state. {CREDENTIAL}",
        SYNCS,
        resumes=False,
        is_socket=True,
    ),
    Channel(
        "leaderboardEvents",
        "/api/v1/leaderboard/{competitionId}/events",
        f"{STREAM} An event's id is `<epoch>:<offset>`; `Last-Event-ID` resumes. {RULE}",
        BOARD,
        resumes=True,
        is_socket=False,
    ),
    Channel(
        "spectatorEvents",
        "/api/v1/spectators/{competitionId}/events",
        f"A public board without a credential; `me` is always null. {STREAM} {RULE}",
        BOARD,
        resumes=True,
        is_socket=False,
        is_open=True,
    ),
    Channel(
        "fitnessEvents",
        "/api/v1/fitness/events",
        f"{STREAM} They have no ids.",
        SYNCS,
        resumes=False,
        is_socket=False,
    ),
)


def document(version: str) -> dict[str, Any]:
    """Compose the document."""
    mode: Literal["serialization"] = "serialization"
    named = [(kind, mode, TypeAdapter(kind)) for kind in ALL]
    _, found = TypeAdapter.json_schemas(named, ref_template=REFERENCE)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Podium, live",
            "version": version,
            "description": "What is said on sockets and event streams. All messages are JSON.",
        },
        "defaultContentType": "application/json",
        "channels": {one.name: _channel(one) for one in CHANNELS},
        "operations": dict(each for one in CHANNELS for each in _operations(one)),
        "components": {
            "messages": {type_of(kind): _message(kind) for kind in ALL},
            "schemas": found["$defs"],
            "securitySchemes": {
                "person": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "ticket": {"type": "httpApiKey", "in": "query", "name": "ticket"},
            },
        },
    }


def type_of(kind: type) -> str:
    """Return what stands in a message's `type`."""
    return kind.__name__.lower()


def _message(kind: type) -> dict[str, Any]:
    return {
        "name": type_of(kind),
        "title": kind.__name__,
        "summary": " ".join((kind.__doc__ or "").partition("\n\n")[0].split()),
        "payload": {"$ref": REFERENCE.format(model=kind.__name__)},
    }


def _channel(channel: Channel) -> dict[str, Any]:
    written: dict[str, Any] = {
        "address": channel.address,
        "description": channel.description,
        "messages": {
            type_of(kind): {"$ref": f"#/components/messages/{type_of(kind)}"}
            for kind in channel.messages
        },
    }
    if "{" in channel.address:
        written["parameters"] = {"competitionId": {"description": "Which competition's board."}}
    if channel.is_socket:
        written["bindings"] = {"ws": {"method": "GET", "query": channel.query}}
        written["x-close-codes"] = {
            str(int(code)): meaning for code, meaning in messages.MEANINGS.items()
        }
    return written


def _operations(channel: Channel) -> Iterator[tuple[str, dict[str, Any]]]:
    say = _operation(channel, "send", channel.said)
    if not channel.is_open:
        say["security"] = [
            {"$ref": f"#/components/securitySchemes/{one}"} for one in ("person", "ticket")
        ]
    if not channel.is_socket:
        say["bindings"] = {"http": {"method": "GET", "query": channel.query}}
    yield f"{channel.name}.say", say
    if channel.is_socket:
        yield f"{channel.name}.authenticate", _operation(channel, "receive", (messages.Auth,))
        ask = _operation(channel, "receive", (messages.Ping,))
        answer = _operation(channel, "send", (messages.Pong,))
        ask["reply"] = {part: answer[part] for part in ("channel", "messages")}
        yield f"{channel.name}.ping", ask


def _operation(channel: Channel, action: str, kinds: tuple[type, ...]) -> dict[str, Any]:
    at = f"#/channels/{channel.name}"
    return {
        "action": action,
        "channel": {"$ref": at},
        "messages": [{"$ref": f"{at}/messages/{type_of(kind)}"} for kind in kinds],
    }
