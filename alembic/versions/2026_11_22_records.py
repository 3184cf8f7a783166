"""Records of phones"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.create_table(
        "record",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("provider", one_of("platform", "health_connect", "healthkit"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("deleted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "metric",
            one_of("metric", "steps", "distance", "calories", "active_minutes", "heart_points"),
            nullable=True,
        ),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("start_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("end_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.Column("utc_offset_s", sa.Integer(), nullable=True),
        sa.Column(
            "recording_method",
            one_of("recordingmethod", "automatic", "active", "manual", "unknown"),
            nullable=True,
        ),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("last_modified", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ingested_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(metric, source, start_at, end_at, value, recording_method)"
            " = CASE WHEN deleted AND metric IS NULL THEN 0 ELSE 6 END",
            name=op.f("ck_record_content_whole"),
        ),
        sa.CheckConstraint("start_at <= end_at", name=op.f("ck_record_forward")),
        sa.CheckConstraint("value >= 0", name=op.f("ck_record_not_negative")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_record_person_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["person_id", "source"],
            ["source.person_id", "source.key"],
            name=op.f("fk_record_person_id_source_source"),
        ),
        sa.PrimaryKeyConstraint("person_id", "provider", "id", name=op.f("pk_record")),
    )


def downgrade() -> None:
    op.drop_table("record")
