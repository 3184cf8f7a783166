"""Tickets and event streams."""

from typing import Annotated

from pydantic import Field

from web.schemas.fields import Answer, Query, UtcTime


class Ticket(Answer):
    """A credential for one socket or one event stream."""

    ticket: str
    expires_at: UtcTime
    """Until when it must be used."""


class StreamQuery(Query):
    """Where to resume, for a client that cannot set `Last-Event-ID`."""

    epoch: Annotated[str | None, Field(max_length=100)] = None
    offset: Annotated[str | None, Field(max_length=16)] = None
