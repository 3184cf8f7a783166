"""Frozen standings: what a competition came to."""

import uuid
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base

BLOCK_PLACES = 1000


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


class StandingBlock(Base):
    """Up to `BLOCK_PLACES` places in a row, the best first, an array for each column.

    A row of its own for each place, and its entry in an index, would double the time of a freeze.
    The function `standing_places(standing, first, last)` shows places as rows. A trigger lets
    blocks only follow those that are there, until the standing is complete.

    Names its people by the surrogate key, so an erasure leaves it and the digest as they are.
    They are found by their score of then.
    """

    __tablename__ = "standing_block"

    standing_id: Mapped[int] = mapped_column(primary_key=True)
    first_place: Mapped[int] = mapped_column(Integer, primary_key=True)
    """Position in the list, from 1; equals have different places and the same rank."""
    high_score: Mapped[int]
    low_score: Mapped[int]
    ranks: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    person_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    scores: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    computed: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    posted: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))

    __table_args__ = (
        CheckConstraint(
            f"cardinality(ranks) BETWEEN 1 AND {BLOCK_PLACES}", name="up_to_a_thousand"
        ),
        CheckConstraint(
            " AND ".join(
                f"cardinality({name}) = cardinality(ranks)"
                for name in ("person_ids", "scores", "computed", "posted")
            ),
            name="of_one_length",
        ),
    )


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
