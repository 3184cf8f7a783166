"""What every payout passes before it leaves: the switch and the limits."""

from datetime import datetime

from sqlalchemy import CHAR, CheckConstraint, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class PayoutGate(Base):
    """The one row that every claim of payouts locks and reads: the stop switch and today's sums."""

    __tablename__ = "payout_gate"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    stopped_at: Mapped[datetime | None]
    stopped_why: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("id = 1", name="only_one"),
        CheckConstraint("(stopped_at IS NULL) = (stopped_why IS NULL)", name="stop_says_why"),
    )


class PayoutLimit(Base):
    """The most that leaves in a UTC day, in a currency's minor units. Read under the gate."""

    __tablename__ = "payout_limit"

    currency: Mapped[str] = mapped_column(CHAR(3), primary_key=True)
    per_day: Mapped[int | None]
    per_person_day: Mapped[int | None]

    __table_args__ = (
        CheckConstraint("per_day > 0", name="per_day"),
        CheckConstraint("per_person_day > 0", name="per_person_day"),
    )
