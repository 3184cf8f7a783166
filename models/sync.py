"""Requests to pull a person's data: the queue of the pull workers."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import TRACE, Base


class SyncReason(enum.StrEnum):
    """Why a pull was asked for."""

    REQUESTED = "requested"
    """The person asked."""
    OWED = "owed"
    """A window of the past that was never fetched."""
    SCHEDULED = "scheduled"
    """Nobody asked: a competition of theirs is under way."""


class SyncStatus(enum.StrEnum):
    """State of a sync."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class SyncRequest(Base):
    """One pull of one connection, from the wish to its outcome."""

    __tablename__ = "sync_request"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("fitness_connection.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[SyncReason]
    status: Mapped[SyncStatus]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    requested_at: Mapped[datetime]
    due_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    lease_token: Mapped[uuid.UUID | None]
    """Whoever runs the row shows this token at the write; another one's write is dropped."""
    lease_until: Mapped[datetime | None]
    window_from: Mapped[datetime | None]
    """Set when owed; otherwise filled in by the pull, aligned to quarter hours."""
    window_to: Mapped[datetime | None]
    slots_received: Mapped[int] = mapped_column(server_default=text("0"))
    slots_changed: Mapped[int] = mapped_column(server_default=text("0"))
    error_code: Mapped[str | None]
    error_detail: Mapped[str | None]
    request_id: Mapped[str | None]
    """Of the first request that asked for it; the logs have it too."""
    trace: Mapped[str] = mapped_column(server_default=TRACE)
    """The traceparent of whoever asked."""

    __table_args__ = (
        Index(
            "uq_sync_request_queued",
            "connection_id",
            unique=True,
            postgresql_where=text("status = 'queued' AND reason <> 'owed' AND attempts = 0"),
        ),
        Index(
            "uq_sync_request_running",
            "connection_id",
            unique=True,
            postgresql_where=text("status = 'running'"),
        ),
        Index("ix_sync_request_due", "due_at", postgresql_where=text("status = 'queued'")),
        Index(
            "ix_sync_request_asked",
            "due_at",
            postgresql_where=text("status = 'queued' AND reason = 'requested'"),
        ),
        Index(
            "ix_sync_request_ended", "finished_at", postgresql_where=text("finished_at IS NOT NULL")
        ),
        Index(
            "ix_sync_request_owed",
            "connection_id",
            postgresql_where=text("reason = 'owed' AND finished_at IS NULL"),
        ),
        Index("ix_sync_request_lease", "lease_until", postgresql_where=text("status = 'running'")),
        Index("ix_sync_request_connection_id_requested_at", "connection_id", "requested_at"),
        Index("ix_sync_request_person_id_requested_at", "person_id", "requested_at"),
        CheckConstraint(
            "(status = 'running') = (lease_token IS NOT NULL)", name="lease_while_running"
        ),
        CheckConstraint("(lease_token IS NULL) = (lease_until IS NULL)", name="lease_has_an_end"),
        CheckConstraint(
            "(status IN ('succeeded', 'failed')) = (finished_at IS NOT NULL)", name="finish_time"
        ),
        CheckConstraint("(status = 'failed') = (error_code IS NOT NULL)", name="failure_says_why"),
        CheckConstraint("window_from < window_to", name="window_forward"),
    )
