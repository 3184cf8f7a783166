"""What people have agreed to."""

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, Index
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from models.base import Base
from models.connection import Provider


class Consent(Base):
    """Someone let us read data at a vendor. Rows are only added; with the person they go."""

    __tablename__ = "consent"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    provider: Mapped[Provider]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """What they granted at the vendor, which may be less than was asked for."""
    version: Mapped[str | None]
    """The app's own name for the words that it showed before; null if it told none."""
    given_at: Mapped[datetime]

    __table_args__ = (Index("ix_consent_person_id_id", "person_id", "id"),)
