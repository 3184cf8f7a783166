"""Marks say when they were made; ended syncs are found by their end"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "board_dirty",
        sa.Column(
            "marked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    )
    op.drop_index("ix_sync_request_unasked_end", "sync_request")
    op.create_index(
        "ix_sync_request_ended",
        "sync_request",
        ["finished_at"],
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_sync_request_ended", "sync_request")
    op.create_index(
        "ix_sync_request_unasked_end",
        "sync_request",
        ["finished_at"],
        postgresql_where=sa.text("reason = 'scheduled'"),
    )
    op.drop_column("board_dirty", "marked_at")
