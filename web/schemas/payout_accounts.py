"""Where prizes go."""

from typing import Annotated

from pydantic import Field

from models.rail import RailName
from web.schemas.fields import Answer, Body, Line, UtcTime


class PayoutAccountBody(Body):
    """An account on a rail."""

    rail: RailName
    account: Line
    """At Stripe `acct_…`; on the manual rail what whoever pays needs to know."""


class PayoutAccountAnswer(Answer):
    """Where prizes go."""

    rail: RailName
    account: str
    ready: bool
    """Whether the rail would pay into it, as far as it has told us."""
    checked_at: UtcTime | None
    """When the rail last told."""
    updated_at: UtcTime


class OnboardingBody(Body):
    """Where the hosted page leads in the end, and also when it is opened too late or twice."""

    return_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=2048)] | None = None
    """This server's page, if left out."""


class OnboardingAnswer(Answer):
    """A page of the rail's. It works once, for some minutes."""

    account: str
    url: str
    expires_at: UtcTime
