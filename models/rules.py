"""Rules that competitions had before they were changed."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class PastRules(Base):
    """A version of a competition's rules that is no longer in force; never edited."""

    __tablename__ = "past_rules"

    competition_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("competition.id", ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    rules: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Everything that is fixed from the start on, by the names of the columns."""
    changed_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    changed_at: Mapped[datetime]
    """When the next version took their place."""
