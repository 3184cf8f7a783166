"""Slots' sources are checked once a statement"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

FOREIGN_KEY = "fk_slot_day_person_id_source_source"
KNOWN = """
    CREATE FUNCTION slot_day_sources_known() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- Locked as a foreign key would, so that none is deleted meanwhile.
        PERFORM FROM source s
        WHERE (s.person_id, s.key) IN (SELECT person_id, source FROM arrived)
        ORDER BY s.person_id, s.key
        FOR KEY SHARE;
        IF EXISTS (SELECT FROM (SELECT DISTINCT person_id, source FROM arrived) a
                   WHERE NOT EXISTS (SELECT FROM source s
                                     WHERE (s.person_id, s.key) = (a.person_id, a.source))) THEN
            RAISE foreign_key_violation
                USING MESSAGE = 'slots of a source that is not known',
                      TABLE = 'slot_day', CONSTRAINT = 'fk_slot_day_person_id_source_source';
        END IF;
        RETURN NULL;
    END $$
"""
KEPT = """
    CREATE FUNCTION source_kept_with_its_slots() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM gone g JOIN slot_day d
                   ON d.person_id = g.person_id AND d.source = g.key) THEN
            RAISE foreign_key_violation
                USING MESSAGE = 'a source that slots still name',
                      TABLE = 'slot_day', CONSTRAINT = 'fk_slot_day_person_id_source_source';
        END IF;
        RETURN NULL;
    END $$
"""


def upgrade() -> None:
    op.drop_constraint(op.f(FOREIGN_KEY), "slot_day", type_="foreignkey")
    op.execute(KNOWN)
    op.execute(KEPT)
    op.execute(
        "CREATE TRIGGER sources_known AFTER INSERT ON slot_day"
        " REFERENCING NEW TABLE AS arrived"
        " FOR EACH STATEMENT EXECUTE FUNCTION slot_day_sources_known()"
    )
    op.execute(
        "CREATE TRIGGER kept_with_its_slots AFTER DELETE ON source"
        " REFERENCING OLD TABLE AS gone"
        " FOR EACH STATEMENT EXECUTE FUNCTION source_kept_with_its_slots()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER kept_with_its_slots ON source")
    op.execute("DROP TRIGGER sources_known ON slot_day")
    op.execute("DROP FUNCTION source_kept_with_its_slots()")
    op.execute("DROP FUNCTION slot_day_sources_known()")
    op.create_foreign_key(
        op.f(FOREIGN_KEY), "slot_day", "source", ["person_id", "source"], ["person_id", "key"]
    )
