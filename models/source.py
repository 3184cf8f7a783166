"""Where a person's data comes from: devices, apps, and vendors' merged streams."""

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from models.base import Base


class SourceKind(enum.StrEnum):
    """What measures, in the order in which one is believed before another."""

    WATCH = "watch"
    BAND = "band"
    RING = "ring"
    PHONE = "phone"
    OTHER = "other"
    CLOUD = "cloud"
    """A vendor's merged stream, which belongs to no device."""


class Source(Base):
    """One stream of a person's data; slots name it by its key."""

    __tablename__ = "source"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    """Stable text: the provider, and what tells the stream apart within it."""
    provider: Mapped[str]
    kind: Mapped[SourceKind]
    manufacturer: Mapped[str | None]
    model: Mapped[str | None]
    app: Mapped[str | None]
    """The package or bundle that wrote the records."""
    coarse: Mapped[bool] = mapped_column(server_default=text("false"))
    """Its intervals are longer than an hour: it counts only where no fine source has anything."""
    first_seen_at: Mapped[datetime]


class SourceOrder(Base):
    """A person's own order of sources, as of a time. Rows are never changed, only added."""

    __tablename__ = "source_order"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    ordered_at: Mapped[datetime] = mapped_column(primary_key=True)
    keys: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Best first; a source that is not among them follows in the default order."""
