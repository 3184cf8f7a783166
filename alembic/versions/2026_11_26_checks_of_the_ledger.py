"""What the checks of the ledger found"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_check",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("transactions", sa.BigInteger(), nullable=False),
        sa.Column("findings", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("findings >= 0", name=op.f("ck_ledger_check_findings")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_check")),
    )


def downgrade() -> None:
    op.drop_table("ledger_check")
