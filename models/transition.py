"""What happened to competitions, and who ruled on whom."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, Enum, ForeignKey, ForeignKeyConstraint, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, values_of
from models.competition import CompetitionStatus


def _status(name: str) -> Enum:
    """A status under a check of its own name: one table has two of them."""
    return Enum(
        CompetitionStatus,
        name=name,
        native_enum=False,
        length=32,
        values_callable=values_of,
        create_constraint=True,
    )


class Transition(Base):
    """One step in a competition's life. Its key lets each happen once."""

    __tablename__ = "transition"

    competition_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("competition.id", ondelete="CASCADE"), primary_key=True
    )
    after: Mapped[CompetitionStatus] = mapped_column(_status("after"), primary_key=True)
    before: Mapped[CompetitionStatus] = mapped_column(_status("before"))
    happened_at: Mapped[datetime]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """Null when it was the clock or a service."""
    service: Mapped[str | None]
    """The service's name, when a key did it."""
    reason: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("before <> after", name="moves"),
        CheckConstraint("author_id IS NULL OR service IS NULL", name="one_author"),
    )


class RulingKind(enum.StrEnum):
    """What was ruled."""

    DISQUALIFIED = "disqualified"
    REINSTATED = "reinstated"


class Ruling(Base):
    """An organiser's word on a participant. The newest one holds."""

    __tablename__ = "ruling"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    competition_id: Mapped[uuid.UUID]
    person_id: Mapped[int]
    kind: Mapped[RulingKind]
    reason: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    ruled_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["competition_id", "person_id"],
            ["participant.competition_id", "participant.person_id"],
            ondelete="CASCADE",
        ),
        Index("ix_ruling_competition_id_person_id_id", "competition_id", "person_id", "id"),
    )
