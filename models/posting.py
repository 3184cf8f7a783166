"""Points that services gave, one row for each time."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.competition import MAX_SCORE


class PostingKind(enum.StrEnum):
    """What a service said about the posted part of a score."""

    SET = "set"
    """It is this."""
    INCREMENT = "increment"
    """It is more by this, or less."""


class Posting(Base):
    """One change of the posted part of a participant's score, in whole units. Never edited."""

    __tablename__ = "posting"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(Identity())
    """Puts a participant's postings in order: it is drawn while the person's row is locked."""
    competition_id: Mapped[uuid.UUID]
    person_id: Mapped[int]
    kind: Mapped[PostingKind]
    value: Mapped[int]
    """What was sent."""
    before: Mapped[int]
    after: Mapped[int]
    reason: Mapped[str | None]
    api_key_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("api_key.id"))
    idempotency_key: Mapped[str | None]
    """As the service sent it."""
    posted_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["competition_id", "person_id"],
            ["participant.competition_id", "participant.person_id"],
            ondelete="CASCADE",
        ),
        CheckConstraint(
            "after = CASE kind WHEN 'set' THEN value ELSE before + value END", name="adds_up"
        ),
        CheckConstraint(f"before BETWEEN 0 AND {MAX_SCORE}", name="before_in_range"),
        CheckConstraint(f"after BETWEEN 0 AND {MAX_SCORE}", name="after_in_range"),
        Index(
            "ix_posting_competition_id_person_id_number", "competition_id", "person_id", "number"
        ),
    )
