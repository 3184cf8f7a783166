"""A transaction's entries prove it whole, and only reversals are in the index of reversals"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# Each entry's own trigger proves that its transaction has all its entries and balances.
ENTERED = """
    CREATE FUNCTION refuse_without_entries() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM ledger_entry e WHERE e.transaction_id = NEW.id) THEN
            RAISE EXCEPTION 'ledger transaction % is not whole or does not balance', NEW.id
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$
"""


def prove_by(function: str) -> None:
    op.execute("DROP TRIGGER balanced ON ledger_transaction")
    op.execute(
        "CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON ledger_transaction"
        f" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {function}()"
    )


def upgrade() -> None:
    op.execute(ENTERED)
    prove_by("refuse_without_entries")
    op.drop_constraint(
        op.f("uq_ledger_transaction_reverses_id"), "ledger_transaction", type_="unique"
    )
    op.create_index(
        "uq_ledger_transaction_reverses_id",
        "ledger_transaction",
        ["reverses_id"],
        unique=True,
        postgresql_where=sa.text("reverses_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("uq_ledger_transaction_reverses_id", table_name="ledger_transaction")
    op.create_unique_constraint(
        op.f("uq_ledger_transaction_reverses_id"), "ledger_transaction", ["reverses_id"]
    )
    prove_by("refuse_unbalanced")
    op.execute("DROP FUNCTION refuse_without_entries")
