"""Approved adjustments are paid by payouts of their own, or taken from those that have not left"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

OF = "id, award_id, distribution_id, competition_id, person_id, currency"
OF_ADJUSTMENTS = sa.text("adjustment_id IS NOT NULL")
WHOLE = """
    CREATE TRIGGER whole BEFORE UPDATE OF amount, lowered ON payout
    FOR EACH ROW WHEN (
        NEW.amount + NEW.lowered <> OLD.amount + OLD.lowered
        OR OLD.status NOT IN ('pending', 'held', 'failed', 'returned'))
    EXECUTE FUNCTION refuse_taking_away()
"""

UNTELLABLE = """
    DO $$ BEGIN
        IF EXISTS (SELECT FROM payout WHERE adjustment_id IS NOT NULL OR lowered > 0) THEN
            RAISE EXCEPTION 'Payouts tell of adjustments, which no older revision can say.';
        END IF;
    END $$
"""


def keep(columns: str) -> None:
    op.execute("DROP TRIGGER same ON payout")
    op.execute(
        f"CREATE TRIGGER same BEFORE UPDATE OF {columns} ON payout"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_taking_away()"
    )


def upgrade() -> None:
    op.add_column("payout", sa.Column("adjustment_id", sa.Uuid(), nullable=True))
    op.add_column(
        "payout",
        sa.Column("lowered", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.alter_column("payout", "award_id", nullable=True)
    op.create_foreign_key(
        op.f("fk_payout_adjustment_id_adjustment"),
        "payout",
        "adjustment",
        ["adjustment_id"],
        ["id"],
    )
    op.create_index(
        "uq_payout_adjustment_id",
        "payout",
        ["adjustment_id"],
        unique=True,
        postgresql_where=OF_ADJUSTMENTS,
    )
    op.create_check_constraint(
        op.f("ck_payout_of_one_thing"), "payout", "(award_id IS NULL) <> (adjustment_id IS NULL)"
    )
    op.create_check_constraint(op.f("ck_payout_lowered"), "payout", "lowered >= 0")
    op.drop_constraint(op.f("ck_payout_amount"), "payout", type_="check")
    op.create_check_constraint(
        op.f("ck_payout_amount"),
        "payout",
        "amount > 0 OR (amount = 0 AND lowered > 0 AND forfeited_at IS NOT NULL)",
    )
    keep(f"{OF}, adjustment_id")
    op.execute(WHOLE)


def downgrade() -> None:
    op.execute("LOCK TABLE payout")
    op.execute(UNTELLABLE)
    op.execute("DROP TRIGGER whole ON payout")
    keep(f"{OF}, amount")
    op.drop_constraint(op.f("ck_payout_amount"), "payout", type_="check")
    op.create_check_constraint(op.f("ck_payout_amount"), "payout", "amount > 0")
    op.drop_constraint(op.f("ck_payout_lowered"), "payout", type_="check")
    op.drop_constraint(op.f("ck_payout_of_one_thing"), "payout", type_="check")
    op.drop_index("uq_payout_adjustment_id", table_name="payout", postgresql_where=OF_ADJUSTMENTS)
    op.drop_constraint(op.f("fk_payout_adjustment_id_adjustment"), "payout", type_="foreignkey")
    op.alter_column("payout", "award_id", nullable=False)
    op.drop_column("payout", "lowered")
    op.drop_column("payout", "adjustment_id")
