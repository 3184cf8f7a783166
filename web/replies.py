"""Answers before they become Flask responses, so that they can be kept and given again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from flask import Response
from pydantic import BaseModel

JSON = "application/json"


@dataclass(frozen=True)
class Reply:
    """Status, headers (the content type among them) and encoded body."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": JSON})

    def response(self) -> Response:
        """Return what Flask sends."""
        return Response(self.body, self.status, headers=dict(self.headers))


def reply(model: BaseModel, status: int = HTTPStatus.OK, *, location: str | None = None) -> Reply:
    """Encode a model."""
    headers = {"Content-Type": JSON}
    if location is not None:
        headers["Location"] = location
    return Reply(status, model.model_dump_json(by_alias=True).encode(), headers)


def no_content() -> Reply:
    """Say that it is done, with nothing to add."""
    return Reply(HTTPStatus.NO_CONTENT, b"", {})
