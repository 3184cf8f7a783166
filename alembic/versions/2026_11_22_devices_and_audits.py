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
    # The next pull lists streams anew, so devices are told apart from then on.
    op.execute("UPDATE fitness_connection SET streams_listed_at = NULL")


def downgrade() -> None:
    op.drop_column("fitness_connection", "device_streams")
