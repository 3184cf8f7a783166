"""Types that several nouns share, and the base of all bodies and answers."""

import unicodedata
import uuid
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from domain.time_zones import is_time_zone

NAME_LENGTH = 80
CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories that no text of ours holds; PostgreSQL cannot store some of them."""
TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Marks that turn the direction of what follows, in someone else's line too."""
JOINERS = frozenset("\u200b\u200c\u200d\u2060\u00ad")
Item = TypeVar("Item")


def _time_zone(name: str) -> str:
    if not is_time_zone(name):
        raise ValueError("is not an IANA time zone")
    return name


def is_plain(sign: str) -> bool:
    """Say whether a character may stand in a text: no control, and nothing that turns its order.

    Joiners stay, because some scripts and most emoji need them.
    """
    return unicodedata.category(sign) not in CONTROL and sign not in TURNING


def is_visible(text: str) -> bool:
    """Say whether a text shows anything."""
    return any(unicodedata.category(sign)[0] in "LNPSC" and sign not in JOINERS for sign in text)


def _one_line(text: str) -> str:
    if not all(map(is_plain, text)):
        raise ValueError("must not hold control characters")
    if not is_visible(text):
        raise ValueError("must show something")
    return text


def _lines(text: str) -> str:
    if not all(is_plain(sign) or sign in "\n\t" for sign in text):
        raise ValueError("must not hold control characters other than line ends and tabs")
    return text


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is beyond the years 1 to 9999 in UTC") from error


TimeZone = Annotated[str, AfterValidator(_time_zone), Field(examples=["Europe/Berlin"])]
UtcTime = Annotated[
    AwareDatetime,
    AfterValidator(_utc),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-22T08:00:00Z"]}),
]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_LENGTH),
    AfterValidator(_one_line),
]
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    AfterValidator(_one_line),
]
Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_one_line),
]
Prose = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=2000),
    AfterValidator(_lines),
]
UserId = uuid.UUID


class Body(BaseModel):
    """What a caller sends. Unknown fields are errors; a number is never read from a string."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Query(BaseModel):
    """What a caller asks in the query string, where everything is a string."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Answer(BaseModel):
    """What we send."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Page(Answer, Generic[Item]):
    """A part of a list. `next_cursor` is null at its end."""

    items: list[Item]
    next_cursor: str | None


class PageQuery(Query):
    """Which part of a list."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str | None, Field(max_length=200)] = None


def in_units(thousandths: int) -> float:
    """Return a stored value in its metric's unit, with up to three decimals."""
    return thousandths / 1000
