"""Awards are counted with the plan: a calculation is never rewritten"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("prize_calculation", "completed_at")
    op.drop_column("prize_calculation", "written")
    op.add_column(
        "prize_plan",
        sa.Column("awarded", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("prize_plan", "awarded")
    op.add_column(
        "prize_calculation",
        sa.Column("written", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column(
        "prize_calculation", sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True)
    )
