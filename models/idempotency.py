"""Answers kept for callers that repeat a request."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary, SmallInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class IdempotencyKey(Base):
    """One caller's key on one route. The answer is written with the effect it answers for."""

    __tablename__ = "idempotency_key"

    caller: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of path and body."""
    created_at: Mapped[datetime]
    locked_until: Mapped[datetime]
    """A request that died leaves its key free again after this."""
    status: Mapped[int | None] = mapped_column(SmallInteger)
    headers: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)

    __table_args__ = (
        CheckConstraint("(status IS NULL) = (body IS NULL)", name="answer_whole"),
        Index("ix_idempotency_key_created_at", "created_at"),
    )
