"""Streams of single devices, and audits of scores"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "fitness_connection",
        sa.Column(
            "device_streams", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False
        ),
    )
    op.create_table(
        "score_audit",
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("begun_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("reached", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("people", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("mended", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_mended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["competition_id"],
            ["competition.id"],
            name=op.f("fk_score_audit_competition_id_competition"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("competition_id", name=op.f("pk_score_audit")),
    )
    op.create_index(
        "ix_score_audit_under_way",
        "score_audit",
        ["begun_at"],
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    # The next pull lists streams anew, so devices are told apart from then on.
    op.execute("UPDATE fitness_connection SET streams_listed_at = NULL")


def downgrade() -> None:
    op.drop_index("ix_score_audit_under_way", table_name="score_audit")
    op.drop_table("score_audit")
    op.drop_column("fitness_connection", "device_streams")
