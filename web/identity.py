"""Who a checked token speaks for."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict

from domain.time_zones import is_time_zone
from web.schemas.fields import NAME_LENGTH, is_plain, is_visible

NAMELESS = "Someone"


@dataclass(frozen=True, slots=True)
class Identity:
    """The subject of a token."""

    sub: uuid.UUID
    name: str
    timezone: str
    """IANA name; a first guess for a new person, like the name."""
    is_admin: bool
    expires_at: datetime

    def expired(self, now: datetime, leeway_seconds: int = 0) -> bool:
        """Say whether the token has ended."""
        return now >= self.expires_at + timedelta(seconds=leeway_seconds)


def _only_ours(audience: str | list[str]) -> str | list[str]:
    if audience not in ("authenticated", ["authenticated"]):
        raise ValueError("meant for others too")
    return audience


class Claims(BaseModel):
    """Claims of an access token, after its signature, times and issuer were checked.

    `app_metadata` is written by the server; `user_metadata` by the person, so it grants nothing.
    """

    model_config = ConfigDict(extra="ignore")

    sub: uuid.UUID
    aud: Annotated[str | list[str], AfterValidator(_only_ours)]
    role: Literal["authenticated"]
    session_id: Annotated[str, Field(min_length=1)]
    exp: Annotated[int, Strict(), Field(gt=0, lt=2**40)]
    is_anonymous: Literal[False] = False
    app_metadata: dict[str, Any] = Field(default_factory=dict)
    user_metadata: dict[str, Any] = Field(default_factory=dict)

    def identity(self) -> Identity:
        """Return what the rest of the program needs to know."""
        return Identity(
            sub=self.sub,
            name=self._name(),
            timezone=self._timezone(),
            is_admin=self.app_metadata.get("role") == "admin",
            expires_at=datetime.fromtimestamp(self.exp, tz=UTC),
        )

    def _name(self) -> str:
        for field in ("display_name", "full_name", "name"):
            given = self.user_metadata.get(field)
            if isinstance(given, str):
                plain = "".join(filter(is_plain, given)).strip()[:NAME_LENGTH]
                if is_visible(plain):
                    return plain
        return NAMELESS

    def _timezone(self) -> str:
        for field in ("timezone", "zoneinfo"):
            given = self.user_metadata.get(field)
            if isinstance(given, str) and is_time_zone(given):
                return given
        return "UTC"
