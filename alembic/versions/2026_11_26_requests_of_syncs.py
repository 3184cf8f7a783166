"""Syncs know the request that asked for them"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sync_request", sa.Column("request_id", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("sync_request", "request_id")
