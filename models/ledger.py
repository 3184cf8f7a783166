"""The ledger: double entry, in integers of a currency's minor unit.

What went into an account is positive, what went out negative, and every transaction's entries sum
to zero. Nothing here is ever changed or taken away, which triggers and grants see to: a mistake is
corrected by a reversal. A balance is the sum of an account's entries.
"""

import enum
import uuid
from datetime import datetime

from sqlalchemy import (
    CHAR,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.rail import RailName


class AccountKind(enum.StrEnum):
    """What an account stands for."""

    FUNDING = "funding"
    """The outside from which prize money comes: minus what is out in prizes."""
    POOL = "pool"
    """What a competition has to give."""
    PAYABLE = "payable"
    """What a person has won and not been sent."""
    CLEARING = "clearing"
    """What a rail was told to pay and has not said yes or no to."""
    PAID = "paid"
    """What a rail took over: the same as its own list of transfers."""
    REMAINDER = "remainder"
    """What no place took, on its way back to the funding account."""


class LedgerAccount(Base):
    """An account in one currency."""

    __tablename__ = "ledger_account"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[AccountKind]
    currency: Mapped[str] = mapped_column(CHAR(3))
    """ISO 4217."""
    competition_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("competition.id"))
    """Of pools only."""
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """Of payables only."""
    rail: Mapped[RailName | None]
    """Of clearing and paid only."""

    __table_args__ = (
        UniqueConstraint(
            *("kind", "currency", "competition_id", "person_id", "rail"),
            name="uq_ledger_account_subject",
            postgresql_nulls_not_distinct=True,
        ),
        UniqueConstraint("id", "currency"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_code"),
        CheckConstraint("(kind = 'pool') = (competition_id IS NOT NULL)", name="pool_of"),
        CheckConstraint("(kind = 'payable') = (person_id IS NOT NULL)", name="payable_to"),
        CheckConstraint("(kind IN ('clearing', 'paid')) = (rail IS NOT NULL)", name="rail_of"),
    )


class TransactionKind(enum.StrEnum):
    """Why money moved."""

    FUND = "fund"
    """Funding to pool."""
    AWARD = "award"
    """Pool to a winner's payable."""
    REMAINDER = "remainder"
    """Pool to remainder to funding: what no place took."""
    POOL_RETURN = "pool_return"
    """Pool to funding: the competition was called off, or a prize was never claimed."""
    SEND = "send"
    """Payable to clearing, before the rail is called."""
    SUCCESS = "success"
    """Clearing to paid: the rail has taken it over."""
    REFUSAL = "refusal"
    """Clearing to payable: the rail surely did not pay."""
    RETURN = "return"
    """Paid to payable: the rail gave it back."""
    UNCLAIMED = "unclaimed"
    """Payable to pool: nobody came for it in time."""
    ADJUSTMENT = "adjustment"
    """Approved by two people after a correction: funding to payable, or back."""
    REVERSAL = "reversal"
    """The opposite of a mistaken transaction, which it names."""


class LedgerTransaction(Base):
    """A movement of money that happened once: its key is unique."""

    __tablename__ = "ledger_transaction"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[TransactionKind]
    key: Mapped[str] = mapped_column(unique=True)
    """Idempotency key, such as `award:<id of the award>`."""
    currency: Mapped[str] = mapped_column(CHAR(3))
    posted_at: Mapped[datetime]
    entries: Mapped[int] = mapped_column(SmallInteger)
    """How many it has, so that none can be added later."""
    reverses_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("ledger_transaction.id"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """Null when it was the clock, a service or an operator at the console."""
    reason: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("id", "currency"),
        Index(
            "uq_ledger_transaction_reverses_id",
            "reverses_id",
            unique=True,
            postgresql_where=text("reverses_id IS NOT NULL"),
        ),
        CheckConstraint("(kind = 'reversal') = (reverses_id IS NOT NULL)", name="reverses_what"),
        CheckConstraint("reverses_id <> id", name="reverses_another"),
        CheckConstraint("entries > 1", name="two_sides"),
    )


class LedgerEntry(Base):
    """What one transaction did to one account."""

    __tablename__ = "ledger_entry"

    transaction_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(CHAR(3))
    """The same as of the transaction and of the account, which the foreign keys see to."""
    amount: Mapped[int]

    __table_args__ = (
        ForeignKeyConstraint(
            ["transaction_id", "currency"],
            ["ledger_transaction.id", "ledger_transaction.currency"],
            name="fk_ledger_entry_transaction",
        ),
        ForeignKeyConstraint(
            ["account_id", "currency"],
            ["ledger_account.id", "ledger_account.currency"],
            name="fk_ledger_entry_account",
        ),
        CheckConstraint("amount <> 0", name="moves_something"),
        Index("ix_ledger_entry_account_id", "account_id", postgresql_include=["amount"]),
    )


class LedgerCheck(Base):
    """One proof of the whole ledger."""

    __tablename__ = "ledger_check"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    checked_at: Mapped[datetime]
    transactions: Mapped[int]
    findings: Mapped[int]
    """Things that were not as they should be, at most a hundred of each kind."""

    __table_args__ = (CheckConstraint("findings >= 0", name="findings"),)
