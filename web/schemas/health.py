"""Answers about the service itself."""

from web.schemas.fields import Answer


class Alive(Answer):
    """The process answers."""

    status: str


class Part(Answer):
    """One thing that the service needs."""

    name: str
    ok: bool
    detail: str
    """What was seen, in a few words."""


class Ready(Answer):
    """Everything that the service needs works."""

    status: str
    parts: list[Part]
