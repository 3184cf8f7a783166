"""What vendors told us unasked, as it came."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class WebhookEvent(Base):
    """A signed message of a vendor. Stored before it is answered, worked off from here."""

    __tablename__ = "webhook_event"

    vendor: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    """The vendor's: a message that comes again is the same row."""
    kind: Mapped[str]
    """As the vendor names it, such as `transfer.reversed`."""
    body: Mapped[bytes] = mapped_column(LargeBinary)
    """As signed. What tells of a person is emptied once it is worked off."""
    received_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    processed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    """What it led to, or why it could not be worked off yet."""

    __table_args__ = (
        Index("ix_webhook_event_due", "due_at", postgresql_where=text("processed_at IS NULL")),
        Index("ix_webhook_event_received_at", "received_at"),
    )
