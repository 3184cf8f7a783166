"""Payouts stay and keep what they are of, and are in fewer indexes"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

# A foreign key would lock each payout anew for each of its steps. What nobody takes away need only
# be looked for; by its key, whatever the planner believed of the table when it first looked.
TAKEN = """
    CREATE FUNCTION refuse_step_of_nothing() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM added WHERE NOT EXISTS (
                SELECT FROM payout p WHERE p.id = added.payout_id OFFSET 0)
        ) THEN
            RAISE EXCEPTION 'a step is of no payout' USING ERRCODE = 'foreign_key_violation';
        END IF;
        RETURN NULL;
    END $$
"""
LASTING = """
    CREATE FUNCTION refuse_taking_away() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a % stays, and what it is of never changes', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END $$
"""
FIXED = "id, award_id, distribution_id, competition_id, person_id, amount, currency"
NOT_GONE = sa.text("status IN ('pending', 'held', 'failed', 'returned')")


def upgrade() -> None:
    op.execute(LASTING)
    for name, event in (("never_taken_away", "DELETE OR TRUNCATE"), ("same", f"UPDATE OF {FIXED}")):
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} ON payout"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_taking_away()"
        )
    op.execute(TAKEN)
    op.execute(
        "CREATE TRIGGER of_a_payout AFTER INSERT ON payout_step REFERENCING NEW TABLE AS added"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_step_of_nothing()"
    )
    op.drop_constraint(op.f("fk_payout_step_payout_id_payout"), "payout_step", type_="foreignkey")
    op.drop_column("payout_step", "id")
    op.drop_constraint(op.f("uq_payout_step_payout_id_number"), "payout_step", type_="unique")
    op.create_primary_key(op.f("pk_payout_step"), "payout_step", ["payout_id", "number"])
    op.create_check_constraint(
        op.f("ck_payout_own_reference"),
        "payout",
        "rail <> 'manual' OR reference LIKE 'payout:' || id || ':%'",
    )
    op.drop_constraint(op.f("uq_payout_rail_reference"), "payout", type_="unique")
    op.create_index(
        "uq_payout_rail_reference",
        "payout",
        ["rail", "reference"],
        unique=True,
        postgresql_where=sa.text("rail <> 'manual'"),
    )
    op.drop_index("ix_payout_person_id", table_name="payout")
    op.create_index("ix_payout_not_gone", "payout", ["person_id"], postgresql_where=NOT_GONE)


def downgrade() -> None:
    op.drop_index("ix_payout_not_gone", table_name="payout", postgresql_where=NOT_GONE)
    op.create_index("ix_payout_person_id", "payout", ["person_id", sa.literal_column("id DESC")])
    op.drop_index(
        "uq_payout_rail_reference",
        table_name="payout",
        postgresql_where=sa.text("rail <> 'manual'"),
    )
    op.create_unique_constraint(op.f("uq_payout_rail_reference"), "payout", ["rail", "reference"])
    op.drop_constraint(op.f("ck_payout_own_reference"), "payout", type_="check")
    op.drop_constraint(op.f("pk_payout_step"), "payout_step", type_="primary")
    op.create_unique_constraint(
        op.f("uq_payout_step_payout_id_number"), "payout_step", ["payout_id", "number"]
    )
    op.add_column("payout_step", sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False))
    op.create_primary_key(op.f("pk_payout_step"), "payout_step", ["id"])
    op.create_foreign_key(
        op.f("fk_payout_step_payout_id_payout"), "payout_step", "payout", ["payout_id"], ["id"]
    )
    op.execute("DROP TRIGGER of_a_payout ON payout_step")
    op.execute("DROP FUNCTION refuse_step_of_nothing")
    for name in ("same", "never_taken_away"):
        op.execute(f"DROP TRIGGER {name} ON payout")
    op.execute("DROP FUNCTION refuse_taking_away")
