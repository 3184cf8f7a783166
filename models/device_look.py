"""How far the data of a competition was searched for shared devices."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class DeviceLook(Base):
    """A competition's last whole search."""

    __tablename__ = "device_look"

    competition_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("competition.id", ondelete="CASCADE"), primary_key=True
    )
    looked_at: Mapped[datetime]
    """What was written before this had been seen."""
