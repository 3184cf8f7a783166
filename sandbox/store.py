"""The little that the sandbox must remember over a restart: one JSON file, written atomically."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

FILE_NAME = "state.json"


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class KeptKey(_Kept):
    """A signing key; `state` is a `signing_keys.KeyState`."""

    kid: str
    state: str
    pem: str


class KeptGrant(_Kept):
    """A person's consent to Google access. All moments are epoch milliseconds."""

    epoch: int = 0
    """Rises when the grant is revoked; tokens of an older epoch are dead."""
    issued: bool = False
    """Whether the refresh token of this epoch was handed out."""
    generation: int = 0
    """Rises when the refresh token is rotated."""
    previous_until_ms: int = 0
    """How long the refresh token of the previous generation is still good."""
    access_epoch: int = 0
    """Rises when the access tokens handed out so far are to die before their time."""


class KeptWalk(_Kept):
    """Walking added through control; see `diary.Extra`."""

    person: str
    origin: str
    start_ms: int
    end_ms: int
    arrived_ms: int
    minutes: list[tuple[int, int, int, int, int, int]]


class State(_Kept):
    people: int = 0
    """How many people were in the world at most; numbers are never taken away."""
    keys: list[KeptKey] = []
    grants: dict[str, KeptGrant] = {}
    used_codes: dict[str, int] = {}
    """Redeemed authorisation codes and when they would have expired anyway."""
    rotating: dict[str, int] = {}
    """Whose refresh tokens rotate (`*` is everyone), with the grace in seconds."""
    refresh_lifetime_s: int | None = None
    walks: list[KeptWalk] = []


class Store:
    """`directory` None keeps nothing, for tests in one process."""

    def __init__(self, directory: Path | None) -> None:
        self._path = directory / FILE_NAME if directory else None
        if self._path and self._path.exists():
            self.state = State.model_validate_json(self._path.read_bytes())
        else:
            self.state = State()

    def save(self) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(self.state.model_dump_json())
        draft.replace(self._path)
