"""A rail's own list against our ledger."""

import enum
import uuid
from datetime import date, datetime

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, Identity, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.rail import RailName


class Reconciliation(Base):
    """One comparison of a UTC day. The newest of a day holds."""

    __tablename__ = "reconciliation"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    rail: Mapped[RailName]
    day: Mapped[date]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    compared: Mapped[int] = mapped_column(Integer)
    """Transfers of the day on the rail's list."""
    reached_at: Mapped[datetime | None]
    """The list is read from its newest line on; down to this moment it was compared."""

    __table_args__ = (Index("ix_reconciliation_rail_day_id", "rail", "day", "id"),)


class DifferenceKind(enum.StrEnum):
    """What does not match."""

    MISSING_AT_RAIL = "missing_at_rail"
    """We say paid or accepted; the rail does not know it."""
    UNKNOWN_HERE = "unknown_here"
    """The rail paid something under our name that no payout tells of."""
    AMOUNT = "amount"
    DOUBLE = "double"
    """The rail paid one payout more than once."""
    REVERSED = "reversed"
    """Given back there and not here, or the other way round."""


class Difference(Base):
    """Something that a comparison found."""

    __tablename__ = "difference"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    reconciliation_id: Mapped[int] = mapped_column(ForeignKey("reconciliation.id"))
    kind: Mapped[DifferenceKind]
    payout_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("payout.id"))
    reference: Mapped[str | None]
    ours: Mapped[int | None]
    theirs: Mapped[int | None]
    currency: Mapped[str | None] = mapped_column(CHAR(3))

    __table_args__ = (
        CheckConstraint("payout_id IS NOT NULL OR reference IS NOT NULL", name="of_something"),
        Index("ix_difference_reconciliation_id", "reconciliation_id"),
    )
