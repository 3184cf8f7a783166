"""Audits of scores: whether what was counted bit by bit is what counting everything gives."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class ScoreAudit(Base):
    """The present or last audit of a competition."""

    __tablename__ = "score_audit"

    competition_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("competition.id", ondelete="CASCADE"), primary_key=True
    )
    begun_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    """Null while it is under way."""
    reached: Mapped[int] = mapped_column(server_default=text("0"))
    """The last person who was looked at."""
    people: Mapped[int] = mapped_column(server_default=text("0"))
    """Looked at so far."""
    mended: Mapped[int] = mapped_column(server_default=text("0"))
    """Those of them whose days or score were wrong."""
    page: Mapped[int] = mapped_column(server_default=text("200"))
    """How many people come next, in one unit; less after a page that took too long."""
    skipped: Mapped[int] = mapped_column(server_default=text("0"))
    """People whose days alone took too long, or who were held all the time."""
    last_mended_at: Mapped[datetime | None]
    """When anything was last found wrong, in whichever audit."""

    __table_args__ = (
        Index("ix_score_audit_under_way", "begun_at", postgresql_where=text("finished_at IS NULL")),
    )
