"""Pulls without the app"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

REASONS = "ck_sync_request_syncreason"


def upgrade() -> None:
    op.drop_constraint(op.f(REASONS), "sync_request", type_="check")
    op.create_check_constraint(
        op.f(REASONS), "sync_request", "reason IN ('requested', 'owed', 'scheduled')"
    )
    op.create_index(
        "ix_sync_request_asked",
        "sync_request",
        ["due_at"],
        postgresql_where=sa.text("status = 'queued' AND reason = 'requested'"),
    )
    op.create_index(
        "ix_sync_request_unasked_end",
        "sync_request",
        ["finished_at"],
        postgresql_where=sa.text("reason = 'scheduled'"),
    )
    op.create_index(
        "ix_sync_request_owed",
        "sync_request",
        ["connection_id"],
        postgresql_where=sa.text("reason = 'owed' AND finished_at IS NULL"),
    )
    op.create_index(
        "ix_fitness_connection_next_pull_at",
        "fitness_connection",
        ["next_pull_at"],
        postgresql_where=sa.text("status = 'active'"),
    )
    # The first sweep puts right when; whoever is in no competition is found not to be due again.
    op.execute("UPDATE fitness_connection SET next_pull_at = now() WHERE status = 'active'")


def downgrade() -> None:
    op.drop_index("ix_fitness_connection_next_pull_at", table_name="fitness_connection")
    op.drop_index("ix_sync_request_owed", table_name="sync_request")
    op.drop_index("ix_sync_request_unasked_end", table_name="sync_request")
    op.drop_index("ix_sync_request_asked", table_name="sync_request")
    op.execute("DELETE FROM sync_request WHERE reason = 'scheduled'")
    op.drop_constraint(op.f(REASONS), "sync_request", type_="check")
    op.create_check_constraint(op.f(REASONS), "sync_request", "reason IN ('requested', 'owed')")
