"""Audits have pages that shrink, and count whom they passed over"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "score_audit",
        sa.Column("page", sa.BigInteger(), server_default=sa.text("200"), nullable=False),
    )
    op.add_column(
        "score_audit",
        sa.Column("skipped", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("score_audit", "skipped")
    op.drop_column("score_audit", "page")
