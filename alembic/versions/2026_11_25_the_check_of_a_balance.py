"""The check of a balance reads either table's row"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

HEAD = """
    CREATE OR REPLACE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
"""
BODY = """
        IF NOT EXISTS (
            SELECT FROM ledger_transaction t
            WHERE t.id = asked AND (t.entries, 0) = (
                SELECT count(*), sum(e.amount) FROM ledger_entry e WHERE e.transaction_id = t.id
            )
        ) THEN
            RAISE EXCEPTION 'ledger transaction % is not whole or does not balance', asked
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$
"""
# An expression that names a field of the other table's row does not even compile.
BY_TABLE = """
        asked uuid;
    BEGIN
        IF TG_TABLE_NAME = 'ledger_entry' THEN
            asked := NEW.transaction_id;
        ELSE
            asked := NEW.id;
        END IF;
"""
BY_EXPRESSION = """
        asked uuid := CASE TG_TABLE_NAME
            WHEN 'ledger_entry' THEN NEW.transaction_id ELSE NEW.id END;
    BEGIN
"""


def upgrade() -> None:
    op.execute(HEAD + BY_TABLE + BODY)


def downgrade() -> None:
    op.execute(HEAD + BY_EXPRESSION + BODY)
