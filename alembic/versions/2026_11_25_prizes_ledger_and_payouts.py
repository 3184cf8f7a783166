"""Prizes, the ledger and payouts"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


BALANCED = """
    CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        asked uuid := CASE TG_TABLE_NAME
            WHEN 'ledger_entry' THEN NEW.transaction_id ELSE NEW.id END;
    BEGIN
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
UNCHANGEABLE = """
    CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END $$
"""
KEPT = (
    "ledger_account",
    "ledger_transaction",
    "ledger_entry",
    "prize_calculation",
    "award",
    "payout_step",
)


def protect() -> None:
    op.execute(BALANCED)
    op.execute(UNCHANGEABLE)
    for table in ("ledger_transaction", "ledger_entry"):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON {table}"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced()"
        )
    for table in KEPT:
        op.execute(
            f"CREATE TRIGGER only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
        )
    # A table that others refer to keeps its owner's right to UPDATE: foreign keys lock its rows.
    for table in ("ledger_entry", "payout_step"):
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM PUBLIC, CURRENT_USER")


def upgrade() -> None:
    op.create_table(
        "payout_gate",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("stopped_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("stopped_why", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(stopped_at IS NULL) = (stopped_why IS NULL)",
            name=op.f("ck_payout_gate_stop_says_why"),
        ),
        sa.CheckConstraint("id = 1", name=op.f("ck_payout_gate_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_gate")),
    )
    op.create_table(
        "payout_limit",
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("per_day", sa.BigInteger(), nullable=True),
        sa.Column("per_person_day", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("per_day > 0", name=op.f("ck_payout_limit_per_day")),
        sa.CheckConstraint("per_person_day > 0", name=op.f("ck_payout_limit_per_person_day")),
        sa.PrimaryKeyConstraint("currency", name=op.f("pk_payout_limit")),
    )
    op.create_table(
        "reconciliation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "rail",
            sa.Enum(
                "manual",
                "stripe",
                name="rail",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("compared", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation")),
    )
    op.create_index(
        "ix_reconciliation_rail_day_id", "reconciliation", ["rail", "day", "id"], unique=False
    )
    op.create_table(
        "webhook_event",
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("due_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("processed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("vendor", "event_id", name=op.f("pk_webhook_event")),
    )
    op.create_index(
        "ix_webhook_event_due",
        "webhook_event",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("processed_at IS NULL"),
    )
    op.create_index("ix_webhook_event_received_at", "webhook_event", ["received_at"], unique=False)
    op.create_table(
        "ledger_transaction",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "fund",
                "award",
                "remainder",
                "pool_return",
                "send",
                "success",
                "refusal",
                "return",
                "unclaimed",
                "adjustment",
                "reversal",
                name="transactionkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("posted_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("entries", sa.SmallInteger(), nullable=False),
        sa.Column("reverses_id", sa.Uuid(), nullable=True),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(kind = 'reversal') = (reverses_id IS NOT NULL)",
            name=op.f("ck_ledger_transaction_reverses_what"),
        ),
        sa.CheckConstraint("entries > 1", name=op.f("ck_ledger_transaction_two_sides")),
        sa.CheckConstraint(
            "reverses_id <> id", name=op.f("ck_ledger_transaction_reverses_another")
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["person.id"], name=op.f("fk_ledger_transaction_author_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"],
            ["ledger_transaction.id"],
            name=op.f("fk_ledger_transaction_reverses_id_ledger_transaction"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_transaction")),
        sa.UniqueConstraint("id", "currency", name=op.f("uq_ledger_transaction_id_currency")),
        sa.UniqueConstraint("key", name=op.f("uq_ledger_transaction_key")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_ledger_transaction_reverses_id")),
    )
    op.create_table(
        "payout_account",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "rail",
            sa.Enum(
                "manual",
                "stripe",
                name="rail",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("ready", sa.Boolean(), nullable=False),
        sa.Column("checked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_payout_account_person_id_person")
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_payout_account")),
    )
    op.create_index(
        "uq_payout_account_stripe",
        "payout_account",
        ["account"],
        unique=True,
        postgresql_where=sa.text("rail = 'stripe'"),
    )
    op.create_table(
        "ledger_account",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "funding",
                "pool",
                "payable",
                "clearing",
                "paid",
                "remainder",
                name="accountkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("competition_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "rail",
            sa.Enum(
                "manual",
                "stripe",
                name="rail",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(kind = 'payable') = (person_id IS NOT NULL)",
            name=op.f("ck_ledger_account_payable_to"),
        ),
        sa.CheckConstraint(
            "(kind = 'pool') = (competition_id IS NOT NULL)", name=op.f("ck_ledger_account_pool_of")
        ),
        sa.CheckConstraint(
            "(kind IN ('clearing', 'paid')) = (rail IS NOT NULL)",
            name=op.f("ck_ledger_account_rail_of"),
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_ledger_account_currency_code")),
        sa.ForeignKeyConstraint(
            ["competition_id"],
            ["competition.id"],
            name=op.f("fk_ledger_account_competition_id_competition"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_ledger_account_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_account")),
        sa.UniqueConstraint("id", "currency", name=op.f("uq_ledger_account_id_currency")),
        sa.UniqueConstraint(
            "kind",
            "currency",
            "competition_id",
            "person_id",
            "rail",
            name="uq_ledger_account_subject",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "prize_plan",
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("pool", sa.BigInteger(), nullable=False),
        sa.Column(
            "split",
            sa.Enum(
                "percent",
                "fixed",
                "equal",
                name="splitkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("places", postgresql.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column("auto_distribute", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(split = 'equal') = (places IS NULL)", name=op.f("ck_prize_plan_places_given")
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_prize_plan_currency_code")),
        sa.CheckConstraint(
            "cardinality(places) > 0 AND 0 < ALL(places)", name=op.f("ck_prize_plan_places")
        ),
        sa.CheckConstraint("pool > 0", name=op.f("ck_prize_plan_pool")),
        sa.ForeignKeyConstraint(
            ["competition_id"],
            ["competition.id"],
            name=op.f("fk_prize_plan_competition_id_competition"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("competition_id", name=op.f("pk_prize_plan")),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_ledger_entry_moves_something")),
        sa.ForeignKeyConstraint(
            ["account_id", "currency"],
            ["ledger_account.id", "ledger_account.currency"],
            name="fk_ledger_entry_account",
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id", "currency"],
            ["ledger_transaction.id", "ledger_transaction.currency"],
            name="fk_ledger_entry_transaction",
        ),
        sa.PrimaryKeyConstraint("transaction_id", "account_id", name=op.f("pk_ledger_entry")),
    )
    op.create_index(
        "ix_ledger_entry_account_id",
        "ledger_entry",
        ["account_id"],
        unique=False,
        postgresql_include=["amount"],
    )
    op.create_table(
        "prize_calculation",
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("standing_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("pool", sa.BigInteger(), nullable=False),
        sa.Column("remainder", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("calculated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("total + remainder = pool", name=op.f("ck_prize_calculation_adds_up")),
        sa.CheckConstraint(
            "total >= 0 AND remainder >= 0", name=op.f("ck_prize_calculation_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["person.id"], name=op.f("fk_prize_calculation_author_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["competition_id"],
            ["prize_plan.competition_id"],
            name=op.f("fk_prize_calculation_competition_id_prize_plan"),
        ),
        sa.ForeignKeyConstraint(
            ["standing_id"], ["standing.id"], name=op.f("fk_prize_calculation_standing_id_standing")
        ),
        sa.PrimaryKeyConstraint("competition_id", name=op.f("pk_prize_calculation")),
    )
    op.create_table(
        "adjustment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("proposed_by", sa.BigInteger(), nullable=False),
        sa.Column("approved_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("approved_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(approved_at IS NULL) = (approved_by IS NULL)",
            name=op.f("ck_adjustment_approval_whole"),
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_adjustment_amount")),
        sa.CheckConstraint("approved_by <> proposed_by", name=op.f("ck_adjustment_four_eyes")),
        sa.ForeignKeyConstraint(
            ["approved_by"], ["person.id"], name=op.f("fk_adjustment_approved_by_person")
        ),
        sa.ForeignKeyConstraint(
            ["competition_id"],
            ["prize_calculation.competition_id"],
            name=op.f("fk_adjustment_competition_id_prize_calculation"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_adjustment_person_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["person.id"], name=op.f("fk_adjustment_proposed_by_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjustment")),
    )
    op.create_index("ix_adjustment_competition_id", "adjustment", ["competition_id"], unique=False)
    op.create_index("ix_adjustment_person_id", "adjustment", ["person_id"], unique=False)
    op.create_table(
        "award",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_award_amount")),
        sa.CheckConstraint("rank > 0", name=op.f("ck_award_rank")),
        sa.ForeignKeyConstraint(
            ["competition_id", "person_id"],
            ["participant.competition_id", "participant.person_id"],
            name="fk_award_participant",
        ),
        sa.ForeignKeyConstraint(
            ["competition_id"],
            ["prize_calculation.competition_id"],
            name=op.f("fk_award_competition_id_prize_calculation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_award")),
    )
    op.create_index(
        "ix_award_person_id", "award", ["person_id", sa.literal_column("id DESC")], unique=False
    )
    op.create_index(
        "uq_award_competition_id_person_id", "award", ["competition_id", "person_id"], unique=True
    )
    op.create_table(
        "distribution",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("requested_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["author_id"], ["person.id"], name=op.f("fk_distribution_author_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["competition_id"],
            ["prize_calculation.competition_id"],
            name=op.f("fk_distribution_competition_id_prize_calculation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_distribution")),
        sa.UniqueConstraint("competition_id", name=op.f("uq_distribution_competition_id")),
    )
    op.create_table(
        "payout",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("award_id", sa.Uuid(), nullable=False),
        sa.Column("distribution_id", sa.Uuid(), nullable=False),
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "held",
                "sending",
                "unknown",
                "accepted",
                "paid",
                "failed",
                "returned",
                name="payoutstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("due_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "rail",
            sa.Enum(
                "manual",
                "stripe",
                name="rail",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("destination", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("lease_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column(
            "hold_reason",
            sa.Enum(
                "no_account",
                "account_not_ready",
                "under_review",
                "disqualified",
                "operator",
                "rail_off",
                name="holdreason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("held_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("reminded_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("failure_detail", sa.Text(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("sent_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("paid_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'held') = (hold_reason IS NOT NULL)", name=op.f("ck_payout_held_says_why")
        ),
        sa.CheckConstraint(
            "(status = 'paid') = (paid_at IS NOT NULL)", name=op.f("ck_payout_paid_when")
        ),
        sa.CheckConstraint(
            "status <> 'failed' OR failure_code IS NOT NULL", name=op.f("ck_payout_failed_says_why")
        ),
        sa.CheckConstraint(
            "status <> 'sending' OR lease_token IS NOT NULL",
            name=op.f("ck_payout_sending_is_leased"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('accepted', 'paid') OR reference IS NOT NULL",
            name=op.f("ck_payout_has_a_reference"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('sending', 'unknown', 'accepted', 'paid')"
            " OR (rail IS NOT NULL AND destination IS NOT NULL AND sent_at IS NOT NULL"
            " AND attempts > 0)",
            name=op.f("ck_payout_sent_somewhere"),
        ),
        sa.CheckConstraint(
            "(hold_reason IS NULL) = (held_at IS NULL)", name=op.f("ck_payout_held_since")
        ),
        sa.CheckConstraint(
            "(lease_token IS NULL) = (lease_until IS NULL)", name=op.f("ck_payout_lease_has_an_end")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payout_amount")),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_payout_award_id_award")),
        sa.ForeignKeyConstraint(
            ["distribution_id"],
            ["distribution.id"],
            name=op.f("fk_payout_distribution_id_distribution"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_payout_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout")),
        sa.UniqueConstraint("award_id", name=op.f("uq_payout_award_id")),
        sa.UniqueConstraint("rail", "reference", name=op.f("uq_payout_rail_reference")),
    )
    op.create_index(
        "ix_payout_competition_id_status", "payout", ["competition_id", "status"], unique=False
    )
    op.create_index("ix_payout_distribution_id", "payout", ["distribution_id", "id"], unique=False)
    op.create_index(
        "ix_payout_due",
        "payout",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('pending', 'unknown')"),
    )
    op.create_index(
        "ix_payout_held",
        "payout",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("status = 'held'"),
    )
    op.create_index(
        "ix_payout_lease",
        "payout",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("lease_until IS NOT NULL"),
    )
    op.create_index(
        "ix_payout_person_id", "payout", ["person_id", sa.literal_column("id DESC")], unique=False
    )
    op.create_index("ix_payout_rail_sent_at", "payout", ["rail", "sent_at"], unique=False)
    op.create_table(
        "difference",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reconciliation_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "missing_at_rail",
                "unknown_here",
                "amount",
                "double",
                "reversed",
                name="differencekind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("payout_id", sa.Uuid(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("ours", sa.BigInteger(), nullable=True),
        sa.Column("theirs", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.CHAR(length=3), nullable=True),
        sa.CheckConstraint(
            "payout_id IS NOT NULL OR reference IS NOT NULL",
            name=op.f("ck_difference_of_something"),
        ),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payout.id"], name=op.f("fk_difference_payout_id_payout")
        ),
        sa.ForeignKeyConstraint(
            ["reconciliation_id"],
            ["reconciliation.id"],
            name=op.f("fk_difference_reconciliation_id_reconciliation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_difference")),
    )
    op.create_index(
        "ix_difference_reconciliation_id", "difference", ["reconciliation_id"], unique=False
    )
    op.create_table(
        "payout_step",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("happened_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payout.id"], name=op.f("fk_payout_step_payout_id_payout")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_step")),
    )
    op.create_index("ix_payout_step_payout_id_id", "payout_step", ["payout_id", "id"], unique=False)
    protect()


def downgrade() -> None:
    op.drop_index("ix_payout_step_payout_id_id", table_name="payout_step")
    op.drop_table("payout_step")
    op.drop_index("ix_difference_reconciliation_id", table_name="difference")
    op.drop_table("difference")
    op.drop_index("ix_payout_rail_sent_at", table_name="payout")
    op.drop_index("ix_payout_person_id", table_name="payout")
    op.drop_index(
        "ix_payout_lease", table_name="payout", postgresql_where=sa.text("lease_until IS NOT NULL")
    )
    op.drop_index(
        "ix_payout_held", table_name="payout", postgresql_where=sa.text("status = 'held'")
    )
    op.drop_index(
        "ix_payout_due",
        table_name="payout",
        postgresql_where=sa.text("status IN ('pending', 'unknown')"),
    )
    op.drop_index("ix_payout_distribution_id", table_name="payout")
    op.drop_index("ix_payout_competition_id_status", table_name="payout")
    op.drop_table("payout")
    op.drop_table("distribution")
    op.drop_index("uq_award_competition_id_person_id", table_name="award")
    op.drop_index("ix_award_person_id", table_name="award")
    op.drop_table("award")
    op.drop_index("ix_adjustment_person_id", table_name="adjustment")
    op.drop_index("ix_adjustment_competition_id", table_name="adjustment")
    op.drop_table("adjustment")
    op.drop_table("prize_calculation")
    op.drop_index(
        "ix_ledger_entry_account_id", table_name="ledger_entry", postgresql_include=["amount"]
    )
    op.drop_table("ledger_entry")
    op.drop_table("prize_plan")
    op.drop_table("ledger_account")
    op.drop_index(
        "uq_payout_account_stripe",
        table_name="payout_account",
        postgresql_where=sa.text("rail = 'stripe'"),
    )
    op.drop_table("payout_account")
    op.drop_table("ledger_transaction")
    op.drop_index("ix_webhook_event_received_at", table_name="webhook_event")
    op.drop_index(
        "ix_webhook_event_due",
        table_name="webhook_event",
        postgresql_where=sa.text("processed_at IS NULL"),
    )
    op.drop_table("webhook_event")
    op.drop_index("ix_reconciliation_rail_day_id", table_name="reconciliation")
    op.drop_table("reconciliation")
    op.drop_table("payout_limit")
    op.drop_table("payout_gate")
    op.execute("DROP FUNCTION refuse_unbalanced, refuse_rewriting")
