"""Erasures whose work outside the database is not done yet."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, SmallInteger, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Erasure(Base):
    """What Redis and vendors still know of someone whose data here is gone. Deleted when done."""

    __tablename__ = "erasure"

    person_id: Mapped[int] = mapped_column(
        ForeignKey("person.id"), primary_key=True, autoincrement=False
    )
    user_id: Mapped[uuid.UUID]
    """The public id that was."""
    boards: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid))
    """Competitions whose boards may still show it."""
    grants: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary))
    """Sealed refresh tokens to give back to the vendor."""
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime]
    """When to try it, or try it again."""
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))

    __table_args__ = (Index("ix_erasure_due_at", "due_at"),)
