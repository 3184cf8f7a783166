"""Pools covered and settled; awards written page by page"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "prize_calculation",
        sa.Column("written", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("prize_calculation", sa.Column("completed_at", TIME, nullable=True))
    op.add_column("prize_plan", sa.Column("funded_at", TIME, nullable=True))
    op.add_column("prize_plan", sa.Column("settled_at", TIME, nullable=True))
    op.create_index(
        "ix_prize_plan_unsettled",
        "prize_plan",
        ["competition_id"],
        postgresql_where=sa.text("settled_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_prize_plan_unsettled", "prize_plan")
    op.drop_column("prize_plan", "settled_at")
    op.drop_column("prize_plan", "funded_at")
    op.drop_column("prize_calculation", "completed_at")
    op.drop_column("prize_calculation", "written")
