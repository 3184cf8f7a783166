"""Competitions, their calendar days and those who take part."""

import enum
import uuid
from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.slots import Metric

MAX_SCORE = 2**53 - 1
"""Largest integer that a sorted set's score holds exactly."""

CUTOFF = (
    "(coalesce(ended_early_at, ends_at) AT TIME ZONE 'UTC' + make_interval(hours => grace_hours))"
    " AT TIME ZONE 'UTC'"
)
"""In UTC and back, because a generated column must not depend on a session's time zone."""


class CompetitionStatus(enum.StrEnum):
    """Life of a competition."""

    UPCOMING = "upcoming"
    ACTIVE = "active"
    CLOSING = "closing"
    """Ended; late data is still taken until the cut-off."""
    PROVISIONAL = "provisional"
    FINAL = "final"
    CANCELLED = "cancelled"


class Visibility(enum.StrEnum):
    """Who may see a competition."""

    PUBLIC = "public"
    PRIVATE = "private"
    """Its participants and organiser; joined with the invite code."""


class Sources(enum.StrEnum):
    """Which data counts."""

    MEASURED = "measured"
    ALL = "all"


class Scoring(enum.StrEnum):
    """How days make a score."""

    TOTAL = "total"
    """The sum of the days."""
    BEST_DAY = "best_day"
    """The highest day."""
    GOAL_DAYS = "goal_days"
    """The number of days that reached the goal."""


class Competition(Base):
    """A promise to measure everyone by the same rules for a stretch of time."""

    __tablename__ = "competition"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    organiser_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str]
    description: Mapped[str | None]
    metric: Mapped[Metric]
    scoring: Mapped[Scoring]
    goal: Mapped[int | None]
    """What a day must reach under `goal_days`, in whole units."""
    sources: Mapped[Sources]
    daily_cap: Mapped[int | None]
    """Most that one local day counts, in whole units."""
    min_score: Mapped[int | None]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    timezone: Mapped[str]
    """IANA zone whose calendar days are the days of the rules."""
    grace_hours: Mapped[int] = mapped_column(SmallInteger)
    """How long after the end data is still taken."""
    ended_early_at: Mapped[datetime | None]
    """When its organiser ended it; the hours of grace then count from here."""
    cutoff_at: Mapped[datetime] = mapped_column(Computed(CUTOFF, persisted=True))
    """Data counts when it arrives before this moment. The one definition of the cut-off."""
    shut_at: Mapped[datetime | None]
    """When its cut-off was applied: who has no lock by then is late, whatever their clock says."""
    plan_after: Mapped[int | None]
    """Its times have changed: pulls of people with greater ids are to be planned anew."""
    review_hours: Mapped[int] = mapped_column(SmallInteger)
    late_join: Mapped[bool]
    visibility: Mapped[Visibility]
    invite_code: Mapped[str | None] = mapped_column(unique=True)
    max_participants: Mapped[int | None] = mapped_column(Integer)
    participant_count: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    rules_version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    status: Mapped[CompetitionStatus]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="forward"),
        CheckConstraint(
            "mod(extract(epoch FROM starts_at)::bigint, 900) = 0"
            " AND mod(extract(epoch FROM ends_at)::bigint, 900) = 0",
            name="quarter_hours",
        ),
        CheckConstraint(
            "participant_count BETWEEN 0 AND coalesce(max_participants, participant_count)",
            name="capacity",
        ),
        CheckConstraint("daily_cap > 0", name="daily_cap"),
        CheckConstraint("(scoring = 'goal_days') = (goal IS NOT NULL)", name="goal_given"),
        CheckConstraint("goal > 0", name="goal"),
        CheckConstraint("(visibility = 'private') = (invite_code IS NOT NULL)", name="invite"),
        Index("ix_competition_status_starts_at", "status", "starts_at"),
        Index("ix_competition_ends", "ends_at", postgresql_where=text("status = 'active'")),
        Index("ix_competition_cutoff", "cutoff_at", postgresql_where=text("status = 'closing'")),
        Index("ix_competition_under_review", "id", postgresql_where=text("status = 'provisional'")),
        Index("ix_competition_plan", "id", postgresql_where=text("plan_after IS NOT NULL")),
        Index("ix_competition_organiser_id", "organiser_id"),
    )


class CompetitionDay(Base):
    """A calendar day of a competition's zone, cut to the competition's own stretch."""

    __tablename__ = "competition_day"

    competition_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("competition.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(primary_key=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("starts_at < ends_at", name="forward"),)


class Participant(Base):
    """Someone in a competition, with their score there."""

    __tablename__ = "participant"

    competition_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("competition.id", ondelete="CASCADE"), primary_key=True
    )
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.user_id", onupdate="CASCADE"))
    """The public id beside the score, so that one index holds the ranking."""
    joined_at: Mapped[datetime]
    computed: Mapped[int] = mapped_column(server_default=text("0"))
    """Whole units that came from data."""
    posted: Mapped[int] = mapped_column(server_default=text("0"))
    """Whole units that services posted."""
    score: Mapped[int] = mapped_column(Computed("computed + posted", persisted=True))
    disqualified_at: Mapped[datetime | None]
    """Keeps the place, but is not on the board while this is set."""

    __table_args__ = (
        CheckConstraint(f"computed + posted BETWEEN 0 AND {MAX_SCORE}", name="exact_in_a_double"),
        CheckConstraint("posted >= 0", name="posted_not_negative"),
        Index(
            "ix_participant_ranking",
            "competition_id",
            text("score DESC"),
            "user_id",
            postgresql_include=["disqualified_at"],
        ),
        Index("ix_participant_person_id", "person_id"),
        Index("ix_participant_joined", "competition_id", "joined_at", "user_id"),
    )


class BehindNotice(Base):
    """Someone was told that a competition of theirs closes and their data is old."""

    __tablename__ = "behind_notice"

    competition_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(primary_key=True)
    told_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["competition_id", "person_id"],
            ["participant.competition_id", "participant.person_id"],
            ondelete="CASCADE",
        ),
    )
