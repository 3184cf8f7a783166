"""Prizes: what a competition promises, and what each winner was awarded."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Integer, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import BigInteger

from models.base import Base


class SplitKind(enum.StrEnum):
    """How a pool is shared."""

    PERCENT = "percent"
    """By place, in percent of the pool."""
    FIXED = "fixed"
    """By place, in minor units."""
    EQUAL = "equal"
    """Everyone who reached the least score gets the same."""


class PrizePlan(Base):
    """What a competition promises. Part of its rules, so it stands still from the start on."""

    __tablename__ = "prize_plan"

    competition_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("competition.id", ondelete="CASCADE"), primary_key=True
    )
    currency: Mapped[str] = mapped_column(CHAR(3))
    """ISO 4217."""
    pool: Mapped[int]
    """Minor units."""
    split: Mapped[SplitKind]
    places: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    """Share of each place from the first on, never rising; null when all get the same."""
    auto_distribute: Mapped[bool]
    funded_at: Mapped[datetime | None]
    """Since when its pool is covered; null again once the money went back or more is promised."""
    awarded: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """How many winners, from the first place on, have their awards."""
    settled_at: Mapped[datetime | None]
    """When all of the pool was shared out, or went back: nothing of it is owed after that."""

    __table_args__ = (
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_code"),
        CheckConstraint("pool > 0", name="pool"),
        CheckConstraint("(split = 'equal') = (places IS NULL)", name="places_given"),
        CheckConstraint("cardinality(places) > 0 AND 0 < ALL(places)", name="places"),
        Index(
            "ix_prize_plan_unsettled",
            "competition_id",
            postgresql_where=text("settled_at IS NULL"),
        ),
    )


class PrizeCalculation(Base):
    """A pool was shared out, once, by one version of the standing."""

    __tablename__ = "prize_calculation"

    competition_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("prize_plan.competition_id"), primary_key=True
    )
    standing_id: Mapped[int] = mapped_column(ForeignKey("standing.id"))
    currency: Mapped[str] = mapped_column(CHAR(3))
    pool: Mapped[int]
    remainder: Mapped[int]
    """What no place took; it goes back to the funding account."""
    total: Mapped[int]
    """The sum of the awards."""
    calculated_at: Mapped[datetime]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """Null when it was the clock or a service."""

    __table_args__ = (
        CheckConstraint("total + remainder = pool", name="adds_up"),
        CheckConstraint("total >= 0 AND remainder >= 0", name="not_negative"),
    )


class Award(Base):
    """What one winner gets. Never changed."""

    __tablename__ = "award"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    competition_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("prize_calculation.competition_id")
    )
    person_id: Mapped[int]
    rank: Mapped[int] = mapped_column(Integer)
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(CHAR(3))

    __table_args__ = (
        ForeignKeyConstraint(
            ["competition_id", "person_id"],
            ["participant.competition_id", "participant.person_id"],
            name="fk_award_participant",
        ),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("rank > 0", name="rank"),
        Index("uq_award_competition_id_person_id", "competition_id", "person_id", unique=True),
        Index("ix_award_person_id", "person_id", text("id DESC")),
    )


class Adjustment(Base):
    """Money owed to someone, or back from them, by a correction after the payouts were made.

    Proposed by one admin and approved by another; posted to the ledger with the approval.
    """

    __tablename__ = "adjustment"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    competition_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("prize_calculation.competition_id")
    )
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    amount: Mapped[int]
    """Minor units; negative is owed back."""
    currency: Mapped[str] = mapped_column(CHAR(3))
    reason: Mapped[str]
    proposed_at: Mapped[datetime]
    proposed_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount"),
        CheckConstraint("(approved_at IS NULL) = (approved_by IS NULL)", name="approval_whole"),
        CheckConstraint("approved_by <> proposed_by", name="four_eyes"),
        Index("ix_adjustment_competition_id", "competition_id"),
        Index("ix_adjustment_person_id", "person_id"),
    )
