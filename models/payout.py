"""Payouts: awards on their way to the winners."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import (
    CHAR,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.rail import RailName


class PayoutStatus(enum.StrEnum):
    """State of a payout."""

    PENDING = "pending"
    """Due, or due again."""
    HELD = "held"
    """Waits: see its reason."""
    SENDING = "sending"
    """Key and amount are committed; the rail is being called under a lease."""
    UNKNOWN = "unknown"
    """Nobody can say whether the rail did it; the rail is asked, and nothing is sent blindly."""
    ACCEPTED = "accepted"
    """The rail has it."""
    PAID = "paid"
    """The rail says that it is settled."""
    FAILED = "failed"
    """The rail surely refused it; an operator may release it."""
    RETURNED = "returned"
    """The rail gave it back, or nobody came for it: it is not this payout's any more."""


class HoldReason(enum.StrEnum):
    """Why a payout waits."""

    NO_ACCOUNT = "no_account"
    ACCOUNT_NOT_READY = "account_not_ready"
    UNDER_REVIEW = "under_review"
    """A flag was raised against the winner's data after the end."""
    DISQUALIFIED = "disqualified"
    OPERATOR = "operator"
    RAIL_OFF = "rail_off"
    """The rail of the winner's account is not set up here."""


class Distribution(Base):
    """A competition's awards were released for payment, once."""

    __tablename__ = "distribution"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    competition_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("prize_calculation.competition_id"), unique=True
    )
    requested_at: Mapped[datetime]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """Null when it was the plan's `auto_distribute` or a service."""
    laid_out_to: Mapped[uuid.UUID | None]
    """Awards up to this one, in order of their ids, have their payouts."""
    laid_out_at: Mapped[datetime | None]
    """When the last award had its payout."""

    __table_args__ = (
        Index("ix_distribution_unfinished", "id", postgresql_where=text("laid_out_at IS NULL")),
    )


class Payout(Base):
    """One award or adjustment on its way. Whose it is never changes; its way may until sent."""

    __tablename__ = "payout"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    award_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("award.id"), unique=True)
    adjustment_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("adjustment.id"))
    """Which of the two it pays."""
    distribution_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("distribution.id"))
    competition_id: Mapped[uuid.UUID]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    amount: Mapped[int]
    """What it carries; with `lowered` the same as the award's or adjustment's."""
    lowered: Mapped[int] = mapped_column(server_default=text("0"))
    """What adjustments took from it before it left."""
    currency: Mapped[str] = mapped_column(CHAR(3))
    status: Mapped[PayoutStatus]
    due_at: Mapped[datetime]
    """When to look at it next: to send it, to ask about it, or to remind its winner."""
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """Numbers the rail's keys: a new one is made only after a sure refusal or a return."""
    rail: Mapped[RailName | None]
    destination: Mapped[str | None]
    """The account at the rail. Set with the rail when it is sent."""
    reference: Mapped[str | None]
    """The rail's own id of the transfer."""
    steps: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """How many it has taken; each bears its number, and so do the postings that go with it."""
    unsure_since: Mapped[datetime | None]
    """Since when nobody can say what became of the present key. Only the rail's word ends that."""
    lease_token: Mapped[uuid.UUID | None]
    lease_until: Mapped[datetime | None]
    hold_reason: Mapped[HoldReason | None]
    held_at: Mapped[datetime | None]
    """Since when it waits without a break."""
    cleared_at: Mapped[datetime | None]
    """When an operator released it last: doubts that are older hold it no more."""
    forfeited_at: Mapped[datetime | None]
    """When its money went back to the pool, or an adjustment took all of it: for good."""
    reminded_at: Mapped[datetime | None]
    failure_code: Mapped[str | None]
    failure_detail: Mapped[str | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    """When the present attempt first called the rail: the rail forgets keys after its window."""
    paid_at: Mapped[datetime | None]
    listed_at: Mapped[datetime | None]
    """When the rail's own list last showed the transfer that `reference` names."""

    __table_args__ = (
        CheckConstraint("(award_id IS NULL) <> (adjustment_id IS NULL)", name="of_one_thing"),
        CheckConstraint("lowered >= 0", name="lowered"),
        CheckConstraint(
            "amount > 0 OR (amount = 0 AND lowered > 0 AND forfeited_at IS NOT NULL)",
            name="amount",
        ),
        CheckConstraint("(lease_token IS NULL) = (lease_until IS NULL)", name="lease_has_an_end"),
        CheckConstraint("(status = 'held') = (hold_reason IS NOT NULL)", name="held_says_why"),
        CheckConstraint("(hold_reason IS NULL) = (held_at IS NULL)", name="held_since"),
        CheckConstraint(
            "status NOT IN ('sending', 'unknown', 'accepted', 'paid')"
            " OR (rail IS NOT NULL AND destination IS NOT NULL AND sent_at IS NOT NULL"
            " AND attempts > 0)",
            name="sent_somewhere",
        ),
        CheckConstraint(
            "status NOT IN ('accepted', 'paid') OR reference IS NOT NULL", name="has_a_reference"
        ),
        CheckConstraint("status <> 'sending' OR lease_token IS NOT NULL", name="sending_is_leased"),
        CheckConstraint("(status = 'paid') = (paid_at IS NOT NULL)", name="paid_when"),
        CheckConstraint("status <> 'failed' OR failure_code IS NOT NULL", name="failed_says_why"),
        CheckConstraint("status <> 'unknown' OR unsure_since IS NOT NULL", name="unknown_since"),
        CheckConstraint(
            "unsure_since IS NULL OR status IN ('sending', 'unknown')", name="unsure_of_a_key"
        ),
        CheckConstraint("forfeited_at IS NULL OR status = 'returned'", name="forfeited"),
        # A list of our own names each line after its payout, so no two can bear the same name.
        CheckConstraint(
            "rail <> 'manual' OR reference LIKE 'payout:' || id || ':%'", name="own_reference"
        ),
        Index(
            "uq_payout_rail_reference",
            "rail",
            "reference",
            unique=True,
            postgresql_where=text("rail <> 'manual'"),
        ),
        Index(
            "uq_payout_adjustment_id",
            "adjustment_id",
            unique=True,
            postgresql_where=text("adjustment_id IS NOT NULL"),
        ),
        Index("ix_payout_due", "due_at", postgresql_where=text("status IN ('pending', 'unknown')")),
        Index("ix_payout_held", "due_at", postgresql_where=text("status = 'held'")),
        Index("ix_payout_lease", "lease_until", postgresql_where=text("lease_until IS NOT NULL")),
        Index("ix_payout_distribution_id", "distribution_id", "id"),
        Index("ix_payout_competition_id_status", "competition_id", "status"),
        Index(
            "ix_payout_not_gone",
            "person_id",
            postgresql_where=text("status IN ('pending', 'held', 'failed', 'returned')"),
        ),
        Index("ix_payout_rail_sent_at", "rail", "sent_at"),
    )


class PayoutStep(Base):
    """One change of a payout's state: who or what did it, and why. Never changed."""

    __tablename__ = "payout_step"

    payout_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    """Of a payout that is there, which a trigger sees to once for all steps of a statement."""
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    """Counts from 1."""
    action: Mapped[str]
    """A member of `domain.payouts.states.Action`."""
    before: Mapped[str]
    after: Mapped[str]
    """Members of PayoutStatus."""
    happened_at: Mapped[datetime]
    attempt: Mapped[int] = mapped_column(Integer)
    actor: Mapped[str]
    """`clock`, `rail`, `operator`, or a person's or service's name as callers are counted."""
    code: Mapped[str | None]
    detail: Mapped[str | None]


class PayoutAccount(Base):
    """Where someone's prizes go."""

    __tablename__ = "payout_account"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    rail: Mapped[RailName]
    account: Mapped[str]
    """At Stripe `acct_…`; on the manual rail what whoever works off the list needs to know."""
    ready: Mapped[bool]
    """Whether the rail would pay into it, as far as it has told us."""
    checked_at: Mapped[datetime | None]
    """When the rail last told."""
    updated_at: Mapped[datetime]

    __table_args__ = (
        Index(
            "uq_payout_account_stripe",
            "account",
            unique=True,
            postgresql_where=text("rail = 'stripe'"),
        ),
    )
