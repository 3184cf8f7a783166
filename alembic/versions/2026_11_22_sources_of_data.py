"""Sources of data, and scores other than totals"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "source",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "watch",
                "band",
                "ring",
                "phone",
                "other",
                "cloud",
                name="sourcekind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("manufacturer", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("app", sa.Text(), nullable=True),
        sa.Column("coarse", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("first_seen_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_source_person_id_person")
        ),
        sa.PrimaryKeyConstraint("person_id", "key", name=op.f("pk_source")),
    )
    op.create_table(
        "source_order",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("ordered_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("keys", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_source_order_person_id_person")
        ),
        sa.PrimaryKeyConstraint("person_id", "ordered_at", name=op.f("pk_source_order")),
    )
    op.drop_constraint(op.f("ck_competition_scoring"), "competition", type_="check")
    op.create_check_constraint(
        op.f("ck_competition_scoring"),
        "competition",
        "scoring IN ('total', 'best_day', 'goal_days')",
    )
    op.add_column("competition", sa.Column("goal", sa.BigInteger(), nullable=True))
    op.create_check_constraint(
        op.f("ck_competition_goal_given"),
        "competition",
        "(scoring = 'goal_days') = (goal IS NOT NULL)",
    )
    op.create_check_constraint(op.f("ck_competition_goal"), "competition", "goal > 0")
    op.execute(
        "INSERT INTO source (person_id, key, provider, kind, first_seen_at)"
        " SELECT person_id, source, 'google_fit', 'cloud', min(ingested_at)"
        " FROM slot_day GROUP BY person_id, source"
    )
    op.drop_constraint(op.f("fk_slot_day_person_id_person"), "slot_day", type_="foreignkey")
    op.create_foreign_key(
        op.f("fk_slot_day_person_id_source_source"),
        "slot_day",
        "source",
        ["person_id", "source"],
        ["person_id", "key"],
    )


def downgrade() -> None:
    op.execute("DELETE FROM competition WHERE scoring <> 'total'")
    op.drop_column("competition", "goal")
    op.drop_constraint(op.f("ck_competition_scoring"), "competition", type_="check")
    op.create_check_constraint(
        op.f("ck_competition_scoring"), "competition", "scoring IN ('total')"
    )
    op.drop_constraint(op.f("fk_slot_day_person_id_source_source"), "slot_day", type_="foreignkey")
    op.create_foreign_key(
        op.f("fk_slot_day_person_id_person"), "slot_day", "person", ["person_id"], ["id"]
    )
    op.drop_table("source_order")
    op.drop_table("source")
