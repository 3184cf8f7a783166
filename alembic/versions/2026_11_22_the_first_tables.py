"""The first tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "board_dirty",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_board_dirty")),
    )
    op.create_index(
        "ix_board_dirty_competition_id_id", "board_dirty", ["competition_id", "id"], unique=False
    )
    op.create_table(
        "idempotency_key",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("locked_until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "(status IS NULL) = (body IS NULL)", name=op.f("ck_idempotency_key_answer_whole")
        ),
        sa.PrimaryKeyConstraint("caller", "route", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index(
        "ix_idempotency_key_created_at", "idempotency_key", ["created_at"], unique=False
    )
    op.create_table(
        "person",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sub", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("sub", name=op.f("uq_person_sub")),
        sa.UniqueConstraint("user_id", name=op.f("uq_person_user_id")),
    )
    op.create_table(
        "competition",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organiser_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
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
        sa.Column(
            "scoring",
            sa.Enum("total", name="scoring", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column(
            "sources",
            sa.Enum(
                "measured",
                "all",
                name="sources",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("daily_cap", sa.BigInteger(), nullable=True),
        sa.Column("min_score", sa.BigInteger(), nullable=True),
        sa.Column("starts_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ends_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("grace_hours", sa.SmallInteger(), nullable=False),
        sa.Column("review_hours", sa.SmallInteger(), nullable=False),
        sa.Column("late_join", sa.Boolean(), nullable=False),
        sa.Column(
            "visibility",
            sa.Enum(
                "public",
                "private",
                name="visibility",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("invite_code", sa.Text(), nullable=True),
        sa.Column("max_participants", sa.Integer(), nullable=True),
        sa.Column("participant_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rules_version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "upcoming",
                "active",
                "closing",
                "provisional",
                "final",
                "cancelled",
                name="competitionstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(visibility = 'private') = (invite_code IS NOT NULL)",
            name=op.f("ck_competition_invite"),
        ),
        sa.CheckConstraint("daily_cap > 0", name=op.f("ck_competition_daily_cap")),
        sa.CheckConstraint(
            "mod(extract(epoch FROM starts_at)::bigint, 900) = 0"
            " AND mod(extract(epoch FROM ends_at)::bigint, 900) = 0",
            name=op.f("ck_competition_quarter_hours"),
        ),
        sa.CheckConstraint(
            "participant_count BETWEEN 0 AND coalesce(max_participants, participant_count)",
            name=op.f("ck_competition_capacity"),
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_competition_forward")),
        sa.ForeignKeyConstraint(
            ["organiser_id"], ["person.id"], name=op.f("fk_competition_organiser_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_competition")),
        sa.UniqueConstraint("invite_code", name=op.f("uq_competition_invite_code")),
    )
    op.create_index("ix_competition_organiser_id", "competition", ["organiser_id"], unique=False)
    op.create_index(
        "ix_competition_status_starts_at", "competition", ["status", "starts_at"], unique=False
    )
    op.create_table(
        "fitness_connection",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "provider",
            sa.Enum(
                "google_fit", name="provider", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "active",
                "reauth_required",
                "disconnected",
                name="connectionstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("connected_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_synced_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("fetched_from", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("synced_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column(
            "manual_streams",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("streams_listed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("next_pull_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(fetched_from IS NULL) = (synced_until IS NULL)",
            name=op.f("ck_fitness_connection_stretch_whole"),
        ),
        sa.CheckConstraint(
            "fetched_from <= synced_until", name=op.f("ck_fitness_connection_stretch_forward")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_fitness_connection_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fitness_connection")),
    )
    op.create_index(
        "uq_fitness_connection_live_subject",
        "fitness_connection",
        ["provider", "subject"],
        unique=True,
        postgresql_where=sa.text("status <> 'disconnected'"),
    )
    op.create_index(
        "uq_fitness_connection_person_id_provider",
        "fitness_connection",
        ["person_id", "provider"],
        unique=True,
    )
    op.create_table(
        "slot_day",
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
        sa.Column("slots", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("ingested_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "array_length(slots, 1) = 96", name=op.f("ck_slot_day_ninety_six_slots")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_slot_day_person_id_person")
        ),
        sa.PrimaryKeyConstraint(
            "person_id", "metric", "source", "day", "class", name=op.f("pk_slot_day")
        ),
    )
    op.create_table(
        "board",
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rebuild_token", sa.Uuid(), nullable=True),
        sa.Column("rebuild_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(rebuild_token IS NULL) = (rebuild_until IS NULL)",
            name=op.f("ck_board_lease_has_an_end"),
        ),
        sa.ForeignKeyConstraint(
            ["competition_id"],
            ["competition.id"],
            name=op.f("fk_board_competition_id_competition"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("competition_id", name=op.f("pk_board")),
    )
    op.create_table(
        "competition_day",
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("starts_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ends_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_competition_day_forward")),
        sa.ForeignKeyConstraint(
            ["competition_id"],
            ["competition.id"],
            name=op.f("fk_competition_day_competition_id_competition"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("competition_id", "day", name=op.f("pk_competition_day")),
    )
    op.create_table(
        "fitness_token",
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("refresh_token", sa.LargeBinary(), nullable=False),
        sa.Column("access_token", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["fitness_connection.id"],
            name=op.f("fk_fitness_token_connection_id_fitness_connection"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_fitness_token")),
    )
    op.create_table(
        "participant",
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("joined_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("computed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("posted", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "score",
            sa.BigInteger(),
            sa.Computed("computed + posted", persisted=True),
            nullable=False,
        ),
        sa.CheckConstraint(
            "computed + posted BETWEEN 0 AND 9007199254740991",
            name=op.f("ck_participant_exact_in_a_double"),
        ),
        sa.ForeignKeyConstraint(
            ["competition_id"],
            ["competition.id"],
            name=op.f("fk_participant_competition_id_competition"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_participant_person_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["person.user_id"],
            name=op.f("fk_participant_user_id_person"),
            onupdate="CASCADE",
        ),
        sa.PrimaryKeyConstraint("competition_id", "person_id", name=op.f("pk_participant")),
    )
    op.create_index(
        "ix_participant_joined",
        "participant",
        ["competition_id", "joined_at", "user_id"],
        unique=False,
    )
    op.create_index("ix_participant_person_id", "participant", ["person_id"], unique=False)
    op.create_index(
        "ix_participant_ranking",
        "participant",
        ["competition_id", sa.literal_column("score DESC"), "user_id"],
        unique=False,
    )
    op.create_table(
        "sync_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "requested",
                "owed",
                name="syncreason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "queued",
                "running",
                "succeeded",
                "failed",
                name="syncstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("requested_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("due_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("lease_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("window_from", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("window_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("slots_received", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("slots_changed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_detail", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(status = 'failed') = (error_code IS NOT NULL)",
            name=op.f("ck_sync_request_failure_says_why"),
        ),
        sa.CheckConstraint(
            "(status = 'running') = (lease_token IS NOT NULL)",
            name=op.f("ck_sync_request_lease_while_running"),
        ),
        sa.CheckConstraint(
            "(status IN ('succeeded', 'failed')) = (finished_at IS NOT NULL)",
            name=op.f("ck_sync_request_finish_time"),
        ),
        sa.CheckConstraint(
            "(lease_token IS NULL) = (lease_until IS NULL)",
            name=op.f("ck_sync_request_lease_has_an_end"),
        ),
        sa.CheckConstraint("window_from < window_to", name=op.f("ck_sync_request_window_forward")),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["fitness_connection.id"],
            name=op.f("fk_sync_request_connection_id_fitness_connection"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_sync_request_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_request")),
    )
    op.create_index(
        "ix_sync_request_connection_id_requested_at",
        "sync_request",
        ["connection_id", "requested_at"],
        unique=False,
    )
    op.create_index(
        "ix_sync_request_due",
        "sync_request",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(
        "ix_sync_request_lease",
        "sync_request",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_index(
        "ix_sync_request_person_id_requested_at",
        "sync_request",
        ["person_id", "requested_at"],
        unique=False,
    )
    op.create_index(
        "uq_sync_request_queued",
        "sync_request",
        ["connection_id"],
        unique=True,
        postgresql_where=sa.text("status = 'queued' AND reason <> 'owed' AND attempts = 0"),
    )
    op.create_index(
        "uq_sync_request_running",
        "sync_request",
        ["connection_id"],
        unique=True,
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_table(
        "score_day",
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=False),
        sa.Column(
            "drops",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.CheckConstraint("counted >= 0", name=op.f("ck_score_day_not_negative")),
        sa.ForeignKeyConstraint(
            ["competition_id", "person_id"],
            ["participant.competition_id", "participant.person_id"],
            name=op.f("fk_score_day_competition_id_person_id_participant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("competition_id", "person_id", "day", name=op.f("pk_score_day")),
    )


def downgrade() -> None:
    op.drop_table("score_day")
    op.drop_index(
        "uq_sync_request_running",
        table_name="sync_request",
        postgresql_where=sa.text("status = 'running'"),
    )
    op.drop_index(
        "uq_sync_request_queued",
        table_name="sync_request",
        postgresql_where=sa.text("status = 'queued' AND reason <> 'owed' AND attempts = 0"),
    )
    op.drop_index("ix_sync_request_person_id_requested_at", table_name="sync_request")
    op.drop_index(
        "ix_sync_request_lease",
        table_name="sync_request",
        postgresql_where=sa.text("status = 'running'"),
    )
    op.drop_index(
        "ix_sync_request_due",
        table_name="sync_request",
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.drop_index("ix_sync_request_connection_id_requested_at", table_name="sync_request")
    op.drop_table("sync_request")
    op.drop_index("ix_participant_ranking", table_name="participant")
    op.drop_index("ix_participant_person_id", table_name="participant")
    op.drop_index("ix_participant_joined", table_name="participant")
    op.drop_table("participant")
    op.drop_table("fitness_token")
    op.drop_table("competition_day")
    op.drop_table("board")
    op.drop_table("slot_day")
    op.drop_index("uq_fitness_connection_person_id_provider", table_name="fitness_connection")
    op.drop_index(
        "uq_fitness_connection_live_subject",
        table_name="fitness_connection",
        postgresql_where=sa.text("status <> 'disconnected'"),
    )
    op.drop_table("fitness_connection")
    op.drop_index("ix_competition_status_starts_at", table_name="competition")
    op.drop_index("ix_competition_organiser_id", table_name="competition")
    op.drop_table("competition")
    op.drop_table("person")
    op.drop_index("ix_idempotency_key_created_at", table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_index("ix_board_dirty_competition_id_id", table_name="board_dirty")
    op.drop_table("board_dirty")
