"""Implausible data: what is doubted in a competition, and what its organiser says to it."""

import enum
import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.slots import Metric, SlotClass


class FlagReason(enum.StrEnum):
    """Why data is doubted; `domain/scoring/plausibility.py` has the rules."""

    OVER_MINUTE_CEILING = "over_minute_ceiling"
    OVER_DAY_CEILING = "over_day_ceiling"
    IMPOSSIBLE_OVERLAP = "impossible_overlap"
    SHARED_DEVICE = "shared_device"


class Decision(enum.StrEnum):
    """Whether doubted data counts."""

    OPEN = "open"
    """Nobody has said yet; it does not."""
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Flag(Base):
    """A doubt about some slots of one source's day, in one competition.

    An open or rejected flag follows the data, and its slots do not count. An accepted one stands as
    it was accepted: a slot that grows over what it says is doubted anew, by another flag.
    """

    __tablename__ = "flag"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    competition_id: Mapped[uuid.UUID]
    person_id: Mapped[int]
    metric: Mapped[Metric]
    source: Mapped[str]
    day: Mapped[date]
    """In UTC."""
    slot_class: Mapped[SlotClass] = mapped_column("class")
    reason: Mapped[FlagReason]
    slots: Mapped[list[int | None]] = mapped_column(ARRAY(Integer))
    """What the doubted slots of the day held, in 1/1000 of the unit; null in all others."""
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The numbers that raised it, in the metric's unit."""
    other_person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """Someone else who has the same, when a device is shared."""
    raised_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    """When its slots last changed."""
    decision: Mapped[Decision] = mapped_column(server_default=text("'open'"))
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    note: Mapped[str | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["competition_id", "person_id"],
            ["participant.competition_id", "participant.person_id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(["person_id", "source"], ["source.person_id", "source.key"]),
        CheckConstraint("array_length(slots, 1) = 96", name="ninety_six_slots"),
        CheckConstraint("0 < ALL (slots)", name="something_in_each"),
        CheckConstraint(
            "decision <> 'open' OR cardinality(array_remove(slots, NULL)) > 0", name="open_asks"
        ),
        CheckConstraint(
            "num_nonnulls(decided_by, decided_at) = CASE WHEN decision = 'open' THEN 0 ELSE 2 END"
            " AND (decision <> 'open' OR note IS NULL)",
            name="decision_whole",
        ),
        CheckConstraint(
            "(reason = 'shared_device') = (other_person_id IS NOT NULL)", name="shared_with"
        ),
        CheckConstraint("other_person_id <> person_id", name="other_is_another"),
        Index(
            "uq_flag_open",
            "competition_id",
            "person_id",
            "metric",
            "source",
            "day",
            "class",
            "reason",
            unique=True,
            postgresql_where=text("decision = 'open'"),
        ),
        Index("ix_flag_competition_id_person_id", "competition_id", "person_id"),
        Index("ix_flag_competition_id_id", "competition_id", "id"),
    )


class PastDecision(Base):
    """A decision that a later one took the place of. Rows are never changed, only added."""

    __tablename__ = "past_decision"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    flag_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("flag.id", ondelete="CASCADE"))
    decision: Mapped[Decision]
    decided_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime]
    note: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("decision <> 'open'", name="decided"),
        Index("ix_past_decision_flag_id", "flag_id"),
    )
