"""Problem documents (RFC 9457)."""

from pydantic import ConfigDict, Field

from web.schemas.fields import Answer


class FieldError(Answer):
    """One wrong field. What was sent is never repeated."""

    loc: list[str | int] = Field(examples=[["body", "name"]])
    msg: str


class Problem(Answer):
    """Why a request was refused."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:podium:error:competition_full"])
    title: str
    status: int
    detail: str
    code: str = Field(examples=["competition_full"])
    """Stable; all codes are listed in docs/errors.md."""
    request_id: str
    errors: list[FieldError] = Field(default_factory=list)
    """The wrong fields, when there are any to name."""
