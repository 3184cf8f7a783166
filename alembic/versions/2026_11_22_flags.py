"""Flags on implausible data"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = postgresql.TIMESTAMP(timezone=True)


def one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def decision() -> sa.Enum:
    return one_of("decision", "open", "accepted", "rejected")


def upgrade() -> None:
    op.create_table(
        "flag",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "metric",
            one_of("metric", "steps", "distance", "calories", "active_minutes", "heart_points"),
            nullable=False,
        ),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("class", one_of("slotclass", "measured", "manual", "unknown"), nullable=False),
        sa.Column(
            "reason",
            one_of(
                "flagreason",
                "over_minute_ceiling",
                "over_day_ceiling",
                "impossible_overlap",
                "shared_device",
            ),
            nullable=False,
        ),
        sa.Column("slots", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.Column("other_person_id", sa.BigInteger(), nullable=True),
        sa.Column("raised_at", TIME, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("decision", decision(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", TIME, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint("array_length(slots, 1) = 96", name=op.f("ck_flag_ninety_six_slots")),
        sa.CheckConstraint("0 < ALL (slots)", name=op.f("ck_flag_something_in_each")),
        sa.CheckConstraint(
            "decision <> 'open' OR cardinality(array_remove(slots, NULL)) > 0",
            name=op.f("ck_flag_open_asks"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(decided_by, decided_at) = CASE WHEN decision = 'open' THEN 0 ELSE 2 END"
            " AND (decision <> 'open' OR note IS NULL)",
            name=op.f("ck_flag_decision_whole"),
        ),
        sa.CheckConstraint(
            "(reason = 'shared_device') = (other_person_id IS NOT NULL)",
            name=op.f("ck_flag_shared_with"),
        ),
        sa.CheckConstraint("other_person_id <> person_id", name=op.f("ck_flag_other_is_another")),
        sa.ForeignKeyConstraint(
            ["competition_id", "person_id"],
            ["participant.competition_id", "participant.person_id"],
            name=op.f("fk_flag_competition_id_person_id_participant"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["person_id", "source"],
            ["source.person_id", "source.key"],
            name=op.f("fk_flag_person_id_source_source"),
        ),
        sa.ForeignKeyConstraint(
            ["other_person_id"], ["person.id"], name=op.f("fk_flag_other_person_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["person.id"], name=op.f("fk_flag_decided_by_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flag")),
    )
    op.create_index(
        "uq_flag_open",
        "flag",
        ["competition_id", "person_id", "metric", "source", "day", "class", "reason"],
        unique=True,
        postgresql_where=sa.text("decision = 'open'"),
    )
    op.create_index("ix_flag_competition_id_person_id", "flag", ["competition_id", "person_id"])
    op.create_index("ix_flag_competition_id_id", "flag", ["competition_id", "id"])
    op.create_table(
        "past_decision",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("flag_id", sa.Uuid(), nullable=False),
        sa.Column("decision", decision(), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", TIME, nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint("decision <> 'open'", name=op.f("ck_past_decision_decided")),
        sa.ForeignKeyConstraint(
            ["flag_id"],
            ["flag.id"],
            name=op.f("fk_past_decision_flag_id_flag"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["person.id"], name=op.f("fk_past_decision_decided_by_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_past_decision")),
    )
    op.create_index("ix_past_decision_flag_id", "past_decision", ["flag_id"])
    op.create_table(
        "device_look",
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("looked_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["competition_id"],
            ["competition.id"],
            name=op.f("fk_device_look_competition_id_competition"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("competition_id", name=op.f("pk_device_look")),
    )


def downgrade() -> None:
    op.drop_table("device_look")
    op.drop_table("past_decision")
    op.drop_table("flag")
