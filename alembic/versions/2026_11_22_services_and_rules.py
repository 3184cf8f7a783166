"""Services that post scores, and rules that change"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MAX_SCORE = 2**53 - 1


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("revoked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_used_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("octet_length(hash) = 32", name=op.f("ck_api_key_hash_whole")),
        sa.CheckConstraint("cardinality(scopes) > 0", name=op.f("ck_api_key_some_scope")),
        sa.CheckConstraint("created_at < expires_at", name=op.f("ck_api_key_forward")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_key_prefix")),
    )
    op.create_table(
        "posting",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "set",
                "increment",
                name="postingkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("posted_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "after = CASE kind WHEN 'set' THEN value ELSE before + value END",
            name=op.f("ck_posting_adds_up"),
        ),
        sa.CheckConstraint(
            f"before BETWEEN 0 AND {MAX_SCORE}", name=op.f("ck_posting_before_in_range")
        ),
        sa.CheckConstraint(
            f"after BETWEEN 0 AND {MAX_SCORE}", name=op.f("ck_posting_after_in_range")
        ),
        sa.ForeignKeyConstraint(
            ["api_key_id"], ["api_key.id"], name=op.f("fk_posting_api_key_id_api_key")
        ),
        sa.ForeignKeyConstraint(
            ["competition_id", "person_id"],
            ["participant.competition_id", "participant.person_id"],
            name=op.f("fk_posting_competition_id_person_id_participant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posting")),
    )
    op.create_index(
        "ix_posting_competition_id_person_id_number",
        "posting",
        ["competition_id", "person_id", "number"],
    )
    op.create_check_constraint(
        op.f("ck_participant_posted_not_negative"), "participant", "posted >= 0"
    )
    op.create_table(
        "past_rules",
        sa.Column("competition_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rules", postgresql.JSONB(), nullable=False),
        sa.Column("changed_by", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["changed_by"], ["person.id"], name=op.f("fk_past_rules_changed_by_person")
        ),
        sa.ForeignKeyConstraint(
            ["competition_id"],
            ["competition.id"],
            name=op.f("fk_past_rules_competition_id_competition"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("competition_id", "version", name=op.f("pk_past_rules")),
    )


def downgrade() -> None:
    op.drop_table("past_rules")
    op.drop_constraint(op.f("ck_participant_posted_not_negative"), "participant", type_="check")
    op.drop_table("posting")
    op.drop_table("api_key")
