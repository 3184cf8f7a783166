"""Connections to fitness vendors and the tokens that open them."""

import enum
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from models.base import Base


class Provider(enum.StrEnum):
    """Vendors that we pull from."""

    GOOGLE_FIT = "google_fit"


class ConnectionStatus(enum.StrEnum):
    """State of a connection."""

    ACTIVE = "active"
    REAUTH_REQUIRED = "reauth_required"
    """The vendor no longer honours the grant; only the person can renew it."""
    DISCONNECTED = "disconnected"


class FitnessConnection(Base):
    """A person's account at a vendor."""

    __tablename__ = "fitness_connection"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    provider: Mapped[Provider]
    status: Mapped[ConnectionStatus]
    subject: Mapped[str | None]
    """The vendor's stable id of the account, when the grant lets us see it."""
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Scopes that were granted, which may be fewer than asked for."""
    connected_at: Mapped[datetime]
    last_synced_at: Mapped[datetime | None]
    fetched_from: Mapped[datetime | None]
    """Start of the unbroken stretch that was proven fetched."""
    synced_until: Mapped[datetime | None]
    """End of that stretch. Moves only over what was fetched."""
    manual_streams: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """Ids of the vendor's streams of hand-typed values, as last listed."""
    device_streams: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    """The vendor's streams of single devices, as last listed: metric, stream, device."""
    streams_listed_at: Mapped[datetime | None]
    day_digests: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=text("'{}'"))
    """What the last pull said of each UTC day, as digests: a day that it says again is stored."""
    next_pull_at: Mapped[datetime | None]
    """When the next pull is queued that nobody asks for; null in no competition."""

    __table_args__ = (
        Index("uq_fitness_connection_person_id_provider", "person_id", "provider", unique=True),
        Index(
            "uq_fitness_connection_live_subject",
            "provider",
            "subject",
            unique=True,
            postgresql_where=text("status <> 'disconnected'"),
        ),
        Index(
            "ix_fitness_connection_next_pull_at",
            "next_pull_at",
            postgresql_where=text("status = 'active'"),
        ),
        CheckConstraint("(fetched_from IS NULL) = (synced_until IS NULL)", name="stretch_whole"),
        CheckConstraint("fetched_from <= synced_until", name="stretch_forward"),
    )


class FitnessToken(Base):
    """The vendor's tokens of one connection, encrypted. Absent once disconnected."""

    __tablename__ = "fitness_token"

    connection_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("fitness_connection.id", ondelete="CASCADE"), primary_key=True
    )
    refresh_token: Mapped[bytes] = mapped_column(LargeBinary)
    access_token: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]
    """When the access token ends."""
    version: Mapped[int]
    """Rises with every write: the fence against a late writer."""
