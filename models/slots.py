"""Measured data: a source's day is one row."""

import enum
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Integer
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Metric(enum.StrEnum):
    """What is counted. Stored as integers in 1/1000 of the unit."""

    STEPS = "steps"
    DISTANCE = "distance"
    """Metres."""
    CALORIES = "calories"
    """Kilocalories, the resting part included."""
    ACTIVE_MINUTES = "active_minutes"
    HEART_POINTS = "heart_points"


class SlotClass(enum.StrEnum):
    """How a value came to be."""

    MEASURED = "measured"
    MANUAL = "manual"
    """Typed in by hand."""
    UNKNOWN = "unknown"
    """The source does not say."""


class SlotDay(Base):
    """One source's UTC day of one metric in 96 quarter-hour slots.

    A slot is null when it was never fetched, and 0 when it was fetched and holds nothing. That the
    source exists is held by triggers (`sources_known`, `kept_with_its_slots`) once a statement: a
    foreign key's check, row by row, was a tenth of the price of a first sync.
    """

    __tablename__ = "slot_day"

    person_id: Mapped[int] = mapped_column(primary_key=True)
    metric: Mapped[Metric] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    slot_class: Mapped[SlotClass] = mapped_column("class", primary_key=True)
    slots: Mapped[list[int | None]] = mapped_column(ARRAY(Integer))
    ingested_at: Mapped[datetime]
    """When this content arrived here."""

    __table_args__ = (CheckConstraint("array_length(slots, 1) = 96", name="ninety_six_slots"),)


class SlotDayVersion(Base):
    """What a row of `slot_day` held at a competition's cut-off, kept when it changes afterwards.

    It stood from `ingested_at` until `replaced_at`.
    """

    __tablename__ = "slot_day_version"

    person_id: Mapped[int] = mapped_column(primary_key=True)
    metric: Mapped[Metric] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    slot_class: Mapped[SlotClass] = mapped_column("class", primary_key=True)
    ingested_at: Mapped[datetime] = mapped_column(primary_key=True)
    slots: Mapped[list[int | None]] = mapped_column(ARRAY(Integer))
    replaced_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("ingested_at <= replaced_at", name="stood"),
        ForeignKeyConstraint(["person_id", "source"], ["source.person_id", "source.key"]),
    )
