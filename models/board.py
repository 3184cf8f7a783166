"""Where the picture of a ranking in Redis stands."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import TRACE, Base


class Board(Base):
    """Position of a competition's board. Its row lock admits one flusher at a time."""

    __tablename__ = "board"

    competition_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("competition.id", ondelete="CASCADE"), primary_key=True
    )
    epoch: Mapped[str]
    """Random; changes with every rebuild."""
    offset: Mapped[int] = mapped_column("offset", server_default=text("0"))
    """Rises with every accepted flush and never restarts."""
    lineage: Mapped[str] = mapped_column(server_default=text("''"))
    """Random; names the last accepted flush, empty after a rebuild."""
    rebuild_token: Mapped[uuid.UUID | None]
    """Lease of the rebuild under way; flushers stand back meanwhile."""
    rebuild_until: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    """When the picture was last compared with the table."""
    verify_until: Mapped[datetime | None]
    """Lease of the comparison under way."""
    drift: Mapped[int] = mapped_column(server_default=text("0"))
    """Lines that the last comparison found wrong."""

    __table_args__ = (
        CheckConstraint("drift >= 0", name="drift"),
        CheckConstraint(
            "(rebuild_token IS NULL) = (rebuild_until IS NULL)", name="lease_has_an_end"
        ),
    )


class BoardDirty(Base):
    """A mark that a score, or with no person the competition itself, has changed.

    Has no unique key: with one, a mark set during a flush would be lost or make its writer wait.
    """

    __tablename__ = "board_dirty"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    competition_id: Mapped[uuid.UUID]
    person_id: Mapped[int | None]
    marked_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    trace: Mapped[str] = mapped_column(server_default=TRACE)
    """The traceparent of whoever changed it."""

    __table_args__ = (Index("ix_board_dirty_competition_id_id", "competition_id", "id"),)
