"""Frozen standings: what a competition came to."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, Integer, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Standing(Base):
    """One version of a standing. Once complete it is immutable, which triggers see to.

    The digest is that of no bytes at first, and after each page of `page_rows` places that of the
    digest so far followed by the page's own: SHA-256 over the UTF-8 lines
    `rank,person_id,score,computed,posted` in order of place, joined by line feeds.
    """

    __tablename__ = "standing"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    competition_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("competition.id"))
    version: Mapped[int] = mapped_column(Integer)
    """Counts from 1."""
    reason: Mapped[str]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """Null when it was the clock."""
    created_at: Mapped[datetime]
    last_ruling_id: Mapped[int]
    """Rulings up to this one are heeded; 0 before there are any."""
    page_rows: Mapped[int] = mapped_column(Integer)
    row_count: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """Places written so far."""
    last_score: Mapped[int]
    """Score, user id and rank of the last place written; before it, of one above all places."""
    last_user_id: Mapped[uuid.UUID]
    last_rank: Mapped[int] = mapped_column(Integer)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    completed_at: Mapped[datetime | None]

    __table_args__ = (
        Index("uq_standing_competition_id_version", "competition_id", "version", unique=True),
        Index("ix_standing_unfinished", "id", postgresql_where=text("completed_at IS NULL")),
        CheckConstraint("version > 0", name="version"),
        CheckConstraint("page_rows > 0", name="page_rows"),
    )


class StandingRow(Base):
    """A place in a standing.

    Names its person by the surrogate key, so an erasure leaves it and the digest as they are. Its
    key is its only index, for a second one would double the time of a freeze: people are found by
    their score of then. A trigger checks once for each statement what a foreign key to `standing`
    would for each row.
    """

    __tablename__ = "standing_row"

    standing_id: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True)
    """Position in the list, from 1; equals have different places and the same rank."""
    rank: Mapped[int] = mapped_column(Integer)
    person_id: Mapped[int]
    score: Mapped[int]
    computed: Mapped[int]
    posted: Mapped[int]


class FormerScore(Base):
    """Someone's score as it was until a version of the standing that changed it.

    So a version's scores are known ever after: they are those of the participants, but for people
    with a row for a later version, of which the next one tells. Rows are never changed, only added.
    """

    __tablename__ = "former_score"

    competition_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(primary_key=True)
    standing_id: Mapped[int] = mapped_column(ForeignKey("standing.id"), primary_key=True)
    """The first version with another score."""
    computed: Mapped[int]
    posted: Mapped[int]
