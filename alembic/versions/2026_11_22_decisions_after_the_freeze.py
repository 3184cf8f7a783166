"""Scores that a decision changed after the freeze, and when a competition took its last data"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "former_score",
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("standing_id", sa.BigInteger(), nullable=False),
        sa.Column("computed", sa.BigInteger(), nullable=False),
        sa.Column("posted", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["standing_id"], ["standing.id"], name=op.f("fk_former_score_standing_id_standing")
        ),
        sa.PrimaryKeyConstraint(
            "competition_id", "person_id", "standing_id", name=op.f("pk_former_score")
        ),
    )
    op.execute(
        """
        CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON former_score FOR EACH ROW
        EXECUTE FUNCTION refuse_change()
        """
    )
    op.add_column("competition", sa.Column("shut_at", postgresql.TIMESTAMP(timezone=True)))


def downgrade() -> None:
    op.drop_column("competition", "shut_at")
    op.drop_table("former_score")
