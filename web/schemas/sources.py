"""Sources of data."""

from typing import Annotated

from pydantic import Field

from models.source import SourceKind
from web.schemas.fields import Answer, Body, UtcTime


class SourceAnswer(Answer):
    """A device, an app's records, or a vendor's merged stream."""

    key: str
    provider: str
    kind: SourceKind
    manufacturer: str | None
    model: str | None
    app: str | None
    coarse: bool
    first_seen_at: UtcTime


class OrderBody(Body):
    """Keys of my sources, the first believed first. Those not named follow."""

    keys: Annotated[list[str], Field(max_length=200)]
