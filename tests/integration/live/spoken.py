"""What the AsyncAPI document says about messages, held against the messages themselves."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft7Validator

from web import asyncapi

VARIABLE = re.compile(r"\{[^}]+\}")


@cache
def document() -> dict[str, Any]:
    """The document, with every object closed: what it does not name may not be said."""
    written = asyncapi.document("tests")
    for schema in written["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return written


def channel_at(path: str) -> str:
    """Return the name of the channel at an address."""
    plain = path.partition("?")[0]
    (name,) = (
        name
        for name, channel in document()["channels"].items()
        if re.fullmatch(VARIABLE.sub("[^/]+", channel["address"]), plain)
    )
    return str(name)


def said_on(channel: str) -> set[str]:
    """Return the types of what is said to clients of a channel."""
    found: set[str] = set()
    for operation in document()["operations"].values():
        if operation["channel"]["$ref"] == f"#/channels/{channel}":
            sends = operation if operation["action"] == "send" else operation.get("reply", {})
            found.update(one["$ref"].rpartition("/")[2] for one in sends.get("messages", ()))
    return found


@cache
def validator(kind: str) -> Draft7Validator:
    """Return what checks messages of a type."""
    payload = document()["components"]["messages"][kind]["payload"]
    return Draft7Validator({**payload, "components": document()["components"]})


def check(path: str, message: Mapping[str, Any]) -> None:
    """Raise unless the document has this message there."""
    channel = channel_at(path)
    assert message["type"] in said_on(channel), (channel, message)
    validator(message["type"]).validate(message)
