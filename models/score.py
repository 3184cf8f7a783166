"""What each day of a competition counted."""

import uuid
from datetime import date
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class ScoreDay(Base):
    """A participant's local day, in 1/1000 of the metric's unit."""

    __tablename__ = "score_day"

    competition_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    counted: Mapped[int]
    """After the cap."""
    drops: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """What was not counted, by why: `manual`, `unknown`, `flagged`, `cap`."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["competition_id", "person_id"],
            ["participant.competition_id", "participant.person_id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("counted >= 0", name="not_negative"),
    )
