"""Consents are written down at each connect"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

KEPT = """
    CREATE FUNCTION refuse_while_known() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM gone JOIN person ON person.id = gone.person_id
                   WHERE person.sub IS NOT NULL) THEN
            RAISE EXCEPTION '% of someone who is known here', TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NULL;
    END $$
"""
TRIGGERS = (
    """
    CREATE TRIGGER only_added_to BEFORE UPDATE OR TRUNCATE ON consent FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_rewriting()
    """,
    """
    CREATE TRIGGER kept_with_the_person AFTER DELETE ON consent REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_while_known()
    """,
)


def upgrade() -> None:
    op.create_table(
        "consent",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "provider",
            sa.Enum(
                "google_fit", name="provider", native_enum=False, length=32, create_constraint=True
            ),
            nullable=False,
        ),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("given_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_consent_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index("ix_consent_person_id_id", "consent", ["person_id", "id"])
    for statement in (KEPT, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("consent")
    op.execute("DROP FUNCTION refuse_while_known")
