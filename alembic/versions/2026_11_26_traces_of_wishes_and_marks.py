"""Syncs and marks bear the trace of whoever made them"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLES = ("sync_request", "board_dirty")


def upgrade() -> None:
    default = sa.text("COALESCE(current_setting('podium.trace', true), '')")
    for table in TABLES:
        op.add_column(table, sa.Column("trace", sa.Text(), server_default=default, nullable=False))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "trace")
