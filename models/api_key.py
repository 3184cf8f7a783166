"""Keys by which other services call us."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, LargeBinary
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from models.base import Base


class KeyScope(enum.StrEnum):
    """What a key may be used for."""

    SCORES_WRITE = "scores:write"
    COMPETITIONS_WRITE = "competitions:write"
    PRIZES_READ = "prizes:read"
    PRIZES_WRITE = "prizes:write"
    METRICS_READ = "metrics:read"


class ApiKey(Base):
    """A key of a service. The key itself is shown once and kept nowhere."""

    __tablename__ = "api_key"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    """The service. While one key replaces another, both are live and have the same name."""
    prefix: Mapped[str] = mapped_column(unique=True)
    """The part of the key that may be seen."""
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the whole key."""
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Values of KeyScope."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    """Written at most once a minute."""

    __table_args__ = (
        CheckConstraint("octet_length(hash) = 32", name="hash_whole"),
        CheckConstraint("cardinality(scopes) > 0", name="some_scope"),
        CheckConstraint("created_at < expires_at", name="forward"),
    )
