"""People."""

import uuid
from datetime import datetime

from sqlalchemy import Identity
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Person(Base):
    """Someone who signed in. Rows are made at the first authenticated request."""

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    """Surrogate key; never leaves the database."""
    sub: Mapped[uuid.UUID | None] = mapped_column(unique=True)
    """Subject of the sign-in token; null after erasure."""
    user_id: Mapped[uuid.UUID] = mapped_column(unique=True)
    """Public id: equal to `sub` until erasure replaces it by a random one."""
    display_name: Mapped[str]
    timezone: Mapped[str]
    """IANA name."""
    created_at: Mapped[datetime]
