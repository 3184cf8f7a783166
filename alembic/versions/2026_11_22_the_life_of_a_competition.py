"""The life of a competition"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

IMMUTABLE = """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a complete % is immutable', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END $$
"""
OPEN = """
    CREATE FUNCTION refuse_closed_standing() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM (SELECT DISTINCT standing_id FROM added) a
            LEFT JOIN standing s ON s.id = a.standing_id
            WHERE s.id IS NULL OR s.completed_at IS NOT NULL
        ) THEN
            RAISE EXCEPTION 'this standing takes no rows' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NULL;
    END $$
"""
TRIGGERS = (
    """
    CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON standing FOR EACH ROW
    WHEN (OLD.completed_at IS NOT NULL) EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON standing_row FOR EACH ROW
    EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER open_standing AFTER INSERT ON standing_row REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_closed_standing()
    """,
)


def upgrade() -> None:
    op.create_table(
        "standing_row",
        sa.Column("standing_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.BigInteger(), nullable=False),
        sa.Column("computed", sa.BigInteger(), nullable=False),
        sa.Column("posted", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("standing_id", "place", name=op.f("pk_standing_row")),
    )
    op.create_table(
        "slot_day_version",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "metric",
            sa.Enum(
                "steps",
                "distance",
                "calories",
                "active_minutes",
                "heart_points",
                name="metric",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "class",
            sa.Enum(
                "measured",
                "manual",
                "unknown",
                name="slotclass",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("ingested_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("slots", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("replaced_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("ingested_at <= replaced_at", name=op.f("ck_slot_day_version_stood")),
        sa.ForeignKeyConstraint(
            ["person_id", "source"],
            ["source.person_id", "source.key"],
            name=op.f("fk_slot_day_version_person_id_source_source"),
        ),
        sa.PrimaryKeyConstraint(
            "person_id",
            "metric",
            "source",
            "day",
            "class",
            "ingested_at",
            name=op.f("pk_slot_day_version"),
        ),
    )
    op.create_table(
        "standing",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_ruling_id", sa.BigInteger(), nullable=False),
        sa.Column("page_rows", sa.Integer(), nullable=False),
        sa.Column("row_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_score", sa.BigInteger(), nullable=False),
        sa.Column("last_user_id", sa.Uuid(), nullable=False),
        sa.Column("last_rank", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("completed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("page_rows > 0", name=op.f("ck_standing_page_rows")),
        sa.CheckConstraint("version > 0", name=op.f("ck_standing_version")),
        sa.ForeignKeyConstraint(
            ["author_id"], ["person.id"], name=op.f("fk_standing_author_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["competition_id"],
            ["competition.id"],
            name=op.f("fk_standing_competition_id_competition"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing")),
    )
    op.create_index(
        "ix_standing_unfinished",
        "standing",
        ["id"],
        unique=False,
        postgresql_where=sa.text("completed_at IS NULL"),
    )
    op.create_index(
        "uq_standing_competition_id_version", "standing", ["competition_id", "version"], unique=True
    )
    op.create_table(
        "transition",
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column(
            "after",
            sa.Enum(
                "upcoming",
                "active",
                "closing",
                "provisional",
                "final",
                "cancelled",
                name="after",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "before",
            sa.Enum(
                "upcoming",
                "active",
                "closing",
                "provisional",
                "final",
                "cancelled",
                name="before",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("happened_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("before <> after", name=op.f("ck_transition_moves")),
        sa.ForeignKeyConstraint(
            ["author_id"], ["person.id"], name=op.f("fk_transition_author_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["competition_id"],
            ["competition.id"],
            name=op.f("fk_transition_competition_id_competition"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("competition_id", "after", name=op.f("pk_transition")),
    )
    op.create_table(
        "ruling",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "disqualified",
                "reinstated",
                name="rulingkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("ruled_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["person.id"], name=op.f("fk_ruling_author_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["competition_id", "person_id"],
            ["participant.competition_id", "participant.person_id"],
            name=op.f("fk_ruling_competition_id_person_id_participant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ruling")),
    )
    op.create_index(
        "ix_ruling_competition_id_person_id_id",
        "ruling",
        ["competition_id", "person_id", "id"],
        unique=False,
    )
    op.add_column(
        "competition",
        sa.Column("ended_early_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
    )
    op.add_column(
        "competition",
        sa.Column(
            "cutoff_at",
            postgresql.TIMESTAMP(timezone=True),
            sa.Computed(
                "(coalesce(ended_early_at, ends_at) AT TIME ZONE 'UTC'"
                " + make_interval(hours => grace_hours)) AT TIME ZONE 'UTC'",
                persisted=True,
            ),
            nullable=False,
        ),
    )
    op.add_column("competition", sa.Column("plan_after", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_competition_cutoff",
        "competition",
        ["cutoff_at"],
        unique=False,
        postgresql_where=sa.text("status = 'closing'"),
    )
    op.create_index(
        "ix_competition_ends",
        "competition",
        ["ends_at"],
        unique=False,
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index(
        "ix_competition_plan",
        "competition",
        ["id"],
        unique=False,
        postgresql_where=sa.text("plan_after IS NOT NULL"),
    )
    op.create_index(
        "ix_competition_under_review",
        "competition",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status = 'provisional'"),
    )
    op.add_column(
        "participant",
        sa.Column("disqualified_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
    )
    op.create_table(
        "behind_notice",
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("told_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["competition_id", "person_id"],
            ["participant.competition_id", "participant.person_id"],
            name=op.f("fk_behind_notice_competition_id_person_id_participant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("competition_id", "person_id", name=op.f("pk_behind_notice")),
    )
    op.drop_index("ix_participant_ranking", table_name="participant")
    op.create_index(
        "ix_participant_ranking",
        "participant",
        ["competition_id", sa.text("score DESC"), "user_id"],
        postgresql_include=["disqualified_at"],
    )
    for statement in (IMMUTABLE, OPEN, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("ix_participant_ranking", table_name="participant")
    op.create_index(
        "ix_participant_ranking",
        "participant",
        ["competition_id", sa.text("score DESC"), "user_id"],
    )
    op.drop_table("behind_notice")
    op.drop_column("participant", "disqualified_at")
    op.drop_index(
        "ix_competition_under_review",
        table_name="competition",
        postgresql_where=sa.text("status = 'provisional'"),
    )
    op.drop_index(
        "ix_competition_plan",
        table_name="competition",
        postgresql_where=sa.text("plan_after IS NOT NULL"),
    )
    op.drop_index(
        "ix_competition_ends",
        table_name="competition",
        postgresql_where=sa.text("status = 'active'"),
    )
    op.drop_index(
        "ix_competition_cutoff",
        table_name="competition",
        postgresql_where=sa.text("status = 'closing'"),
    )
    op.drop_column("competition", "plan_after")
    op.drop_column("competition", "cutoff_at")
    op.drop_column("competition", "ended_early_at")
    op.drop_index("ix_ruling_competition_id_person_id_id", table_name="ruling")
    op.drop_table("ruling")
    op.drop_table("transition")
    op.drop_index("uq_standing_competition_id_version", table_name="standing")
    op.drop_index(
        "ix_standing_unfinished",
        table_name="standing",
        postgresql_where=sa.text("completed_at IS NULL"),
    )
    op.drop_table("standing")
    op.drop_table("slot_day_version")
    op.drop_table("standing_row")
    op.execute("DROP FUNCTION refuse_change, refuse_closed_standing")
