"""Rails' lists are compared in pages, which can be resumed"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payout", sa.Column("listed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "reconciliation", sa.Column("reached_at", sa.DateTime(timezone=True), nullable=True)
    )


def downgrade() -> None:
    op.drop_column("reconciliation", "reached_at")
    op.drop_column("payout", "listed_at")
