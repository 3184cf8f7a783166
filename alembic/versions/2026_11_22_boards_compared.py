"""Boards that are compared with the table, and the flush that led to where they stand"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("board", sa.Column("lineage", sa.Text(), server_default="", nullable=False))
    op.add_column("board", sa.Column("verified_at", postgresql.TIMESTAMP(timezone=True)))
    op.add_column("board", sa.Column("verify_until", postgresql.TIMESTAMP(timezone=True)))
    op.add_column(
        "board", sa.Column("drift", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.create_check_constraint(op.f("ck_board_drift"), "board", "drift >= 0")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_board_drift"), "board", type_="check")
    for column in ("drift", "verify_until", "verified_at", "lineage"):
        op.drop_column("board", column)
