"""Services take steps of competitions, too"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("transition", sa.Column("service", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_transition_one_author"), "transition", "author_id IS NULL OR service IS NULL"
    )


def downgrade() -> None:
    op.drop_column("transition", "service")
