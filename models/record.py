"""Raw records, as phones upload them out of Health Connect and HealthKit."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.slots import Metric


class Platform(enum.StrEnum):
    """Stores of health data on phones."""

    HEALTH_CONNECT = "health_connect"
    HEALTHKIT = "healthkit"


class RecordingMethod(enum.StrEnum):
    """How a record came to be, as the platform says."""

    AUTOMATIC = "automatic"
    ACTIVE = "active"
    """Measured while the person had started a workout."""
    MANUAL = "manual"
    UNKNOWN = "unknown"


class Record(Base):
    """One record of one person. App and device stand in the row of its source.

    One that was deleted before it arrived has no content.
    """

    __tablename__ = "record"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    provider: Mapped[Platform] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    """The platform's own."""
    deleted: Mapped[bool] = mapped_column(server_default=text("false"))
    """Deleted on the phone, for good: a platform never uses an id again."""
    metric: Mapped[Metric | None]
    source: Mapped[str | None]
    start_at: Mapped[datetime | None]
    end_at: Mapped[datetime | None]
    value: Mapped[int | None]
    """In 1/1000 of the metric's unit."""
    utc_offset_s: Mapped[int | None] = mapped_column(Integer)
    """Where the person was; null when the phone does not know."""
    recording_method: Mapped[RecordingMethod | None]
    version: Mapped[int | None]
    last_modified: Mapped[datetime | None]
    ingested_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["person_id", "source"], ["source.person_id", "source.key"]),
        CheckConstraint(
            "num_nonnulls(metric, source, start_at, end_at, value, recording_method)"
            " = CASE WHEN deleted AND metric IS NULL THEN 0 ELSE 6 END",
            name="content_whole",
        ),
        CheckConstraint("start_at <= end_at", name="forward"),
        CheckConstraint("value >= 0", name="not_negative"),
    )
