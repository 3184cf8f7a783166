"""Steps of payouts are numbered, doubts and releases have their times"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

WITH_A_RAIL = ("ledger_account", "payout", "payout_account", "reconciliation")
TIMES = ("unsure_since", "cleared_at", "forfeited_at")
CHECKS = {
    "unknown_since": "status <> 'unknown' OR unsure_since IS NOT NULL",
    "unsure_of_a_key": "unsure_since IS NULL OR status IN ('sending', 'unknown')",
    "forfeited": "forfeited_at IS NULL OR status = 'returned'",
}


def upgrade() -> None:
    for table in WITH_A_RAIL:
        op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT ck_{table}_rail TO ck_{table}_railname")
    op.add_column("distribution", sa.Column("laid_out_to", sa.Uuid(), nullable=True))
    op.add_column(
        "distribution",
        sa.Column("laid_out_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
    )
    op.create_index(
        "ix_distribution_unfinished",
        "distribution",
        ["id"],
        postgresql_where=sa.text("laid_out_at IS NULL"),
    )
    op.add_column(
        "payout", sa.Column("steps", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    for name in TIMES:
        op.add_column("payout", sa.Column(name, postgresql.TIMESTAMP(timezone=True), nullable=True))
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_payout_{name}"), "payout", condition)
    op.add_column("payout_step", sa.Column("number", sa.Integer(), nullable=False))
    op.drop_index("ix_payout_step_payout_id_id", table_name="payout_step")
    op.create_unique_constraint(
        op.f("uq_payout_step_payout_id_number"), "payout_step", ["payout_id", "number"]
    )


def downgrade() -> None:
    op.drop_constraint(op.f("uq_payout_step_payout_id_number"), "payout_step", type_="unique")
    op.create_index("ix_payout_step_payout_id_id", "payout_step", ["payout_id", "id"])
    op.drop_column("payout_step", "number")
    for name in CHECKS:
        op.drop_constraint(op.f(f"ck_payout_{name}"), "payout", type_="check")
    for name in (*TIMES, "steps"):
        op.drop_column("payout", name)
    op.drop_index("ix_distribution_unfinished", table_name="distribution")
    for name in ("laid_out_at", "laid_out_to"):
        op.drop_column("distribution", name)
    for table in WITH_A_RAIL:
        op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT ck_{table}_railname TO ck_{table}_rail")
