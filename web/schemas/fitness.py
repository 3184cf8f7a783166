"""Connections to vendors, and syncs."""

import uuid
from typing import Annotated, Self

from pydantic import Field

from domain.fitness.google_scopes import missing_scopes
from domain.fitness.owed import Owed
from domain.fitness.syncs import SyncSeen
from models import FitnessConnection
from models.connection import ConnectionStatus, Provider
from models.slots import Metric
from models.sync import SyncReason, SyncStatus
from web.schemas.fields import Answer, Body, Line, UtcTime

MADE = {"owed_windows", "missing_scopes"}
"""What is no column of the row."""
Secret = Annotated[str, Field(min_length=1, max_length=2048, repr=False)]


class ConnectionBody(Body):
    """A server auth code to trade for a grant."""

    provider: Provider
    server_auth_code: Secret
    redirect_uri: Annotated[str, Field(max_length=2048)] | None = None
    code_verifier: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{43,128}$")] | None = Field(
        default=None, repr=False
    )
    consent_version: Line | None = None
    """Your name of the words that the person agreed to; it is kept with what they granted."""


class OwedAnswer(Answer):
    """Stretches of the past that were never fetched and still will be."""

    count: int
    oldest_from: UtcTime | None
    """Where the earliest begins."""
    since: UtcTime | None
    """When the one that has waited longest was found missing."""


class MissingScopeAnswer(Answer):
    """A scope that was not granted. Connect again and grant it, and its metrics are pulled too."""

    scope: str
    metrics: list[Metric]


class ConnectionAnswer(Answer):
    """An account at a vendor."""

    id: uuid.UUID
    provider: Provider
    status: ConnectionStatus
    scopes: list[str]
    connected_at: UtcTime
    last_synced_at: UtcTime | None
    synced_until: UtcTime | None
    next_pull_at: UtcTime | None
    """When data is pulled next without being asked for; null in no competition."""
    owed_windows: OwedAnswer
    missing_scopes: list[MissingScopeAnswer]
    """Empty when all metrics can be read."""

    @classmethod
    def of(cls, connection: FitnessConnection, owed: Owed) -> Self:
        """Render a row and what it owes."""
        shown = {name: getattr(connection, name) for name in cls.model_fields if name not in MADE}
        missing = [
            MissingScopeAnswer.model_validate(one) for one in missing_scopes(connection.scopes)
        ]
        return cls(**shown, owed_windows=OwedAnswer.model_validate(owed), missing_scopes=missing)


class SyncBody(Body):
    """What to pull."""

    provider: Provider | None = None


class SyncAsked(Answer):
    """A queued sync."""

    sync_id: uuid.UUID
    status: SyncStatus
    status_url: str
    coalesced: bool
    """It had been queued before."""


class SyncWindow(Answer):
    """The half-open stretch of time that is pulled."""

    from_: Annotated[UtcTime, Field(serialization_alias="from")]
    to: UtcTime


class SyncSlots(Answer):
    """Quarter-hour values of one metric of one source."""

    received: int
    changed: int


class SyncError(Answer):
    """Why it failed."""

    code: str
    detail: str


class SyncAnswer(Answer):
    """A sync."""

    sync_id: uuid.UUID
    provider: Provider
    reason: SyncReason
    status: SyncStatus
    attempts: int
    requested_at: UtcTime
    finished_at: UtcTime | None
    window: SyncWindow | None
    """Null until the pull has chosen it."""
    slots: SyncSlots
    error: SyncError | None

    @classmethod
    def of(cls, seen: SyncSeen) -> Self:
        """Render a row and its provider."""
        row = seen.sync
        window = (
            SyncWindow(from_=row.window_from, to=row.window_to)
            if row.window_from is not None and row.window_to is not None
            else None
        )
        error = (
            SyncError(code=row.error_code, detail=row.error_detail or "")
            if row.error_code is not None
            else None
        )
        return cls(
            sync_id=row.id,
            provider=seen.provider,
            reason=row.reason,
            status=row.status,
            attempts=row.attempts,
            requested_at=row.requested_at,
            finished_at=row.finished_at,
            window=window,
            slots=SyncSlots(received=row.slots_received, changed=row.slots_changed),
            error=error,
        )
