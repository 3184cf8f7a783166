"""A standing's places are kept in blocks of up to a thousand"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

COLUMNS = ("ranks", "person_ids", "scores", "computed", "posted")
OPEN = """
    CREATE FUNCTION refuse_places_elsewhere() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM (
                SELECT s.completed_at, a.first_place,
                       lag(a.first_place + cardinality(a.ranks), 1, s.row_count + 1)
                           OVER (PARTITION BY a.standing_id ORDER BY a.first_place) AS next_place
                FROM added a LEFT JOIN standing s ON s.id = a.standing_id
            ) placed
            WHERE completed_at IS NOT NULL OR first_place IS DISTINCT FROM next_place
        ) THEN
            RAISE EXCEPTION 'this standing takes no such places'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NULL;
    END $$
"""
# The planner writes such a function's body into the statement that asks.
PLACES = """
    CREATE FUNCTION standing_places(standing bigint, first integer, last integer)
    RETURNS TABLE (place integer, rank integer, person_id bigint, score bigint,
                   computed bigint, posted bigint)
    LANGUAGE sql STABLE PARALLEL SAFE AS $$
        SELECT b.first_place + CAST(r.n AS integer) - 1,
               r.rank, r.person_id, r.score, r.computed, r.posted
        FROM standing_block b
        CROSS JOIN LATERAL unnest(b.ranks, b.person_ids, b.scores, b.computed, b.posted)
            WITH ORDINALITY AS r (rank, person_id, score, computed, posted, n)
        WHERE b.standing_id = standing AND b.first_place > first - 1000 AND b.first_place <= last
          AND b.first_place + r.n - 1 BETWEEN first AND last
    $$
"""
INTO_BLOCKS = """
    INSERT INTO standing_block (standing_id, first_place, high_score, low_score,
                                ranks, person_ids, scores, computed, posted)
    SELECT standing_id, min(place), max(score), min(score),
           array_agg(rank ORDER BY place), array_agg(person_id ORDER BY place),
           array_agg(score ORDER BY place), array_agg(computed ORDER BY place),
           array_agg(posted ORDER BY place)
    FROM standing_row GROUP BY standing_id, (place - 1) / 1000
"""
INTO_ROWS = """
    INSERT INTO standing_row (standing_id, place, rank, person_id, score, computed, posted)
    SELECT s.id, r.place, r.rank, r.person_id, r.score, r.computed, r.posted
    FROM standing s CROSS JOIN LATERAL standing_places(s.id, 1, s.row_count) r
"""
# What the former program reads; it cannot freeze any more, which waits for the new one. The next
# revision drops it.
FORMER = """
    CREATE VIEW standing_row AS
    SELECT s.id AS standing_id, r.place, r.rank, r.person_id, r.score, r.computed, r.posted
    FROM standing s CROSS JOIN LATERAL standing_places(s.id, 1, s.row_count) r
"""
# Whoever writes a page is waited for: what is not committed yet would not be carried over.
ALONE = "LOCK TABLE standing, {table} IN ACCESS EXCLUSIVE MODE"
IMMUTABLE = """
    CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW
    EXECUTE FUNCTION refuse_change()
"""
ADDED = """
    CREATE TRIGGER open_standing AFTER INSERT ON {table} REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION {function}()
"""


def upgrade() -> None:
    op.execute(ALONE.format(table="standing_row"))
    op.create_table(
        "standing_block",
        sa.Column("standing_id", sa.BigInteger(), nullable=False),
        sa.Column("first_place", sa.Integer(), nullable=False),
        sa.Column("high_score", sa.BigInteger(), nullable=False),
        sa.Column("low_score", sa.BigInteger(), nullable=False),
        sa.Column("ranks", postgresql.ARRAY(sa.Integer()), nullable=False),
        *(
            sa.Column(name, postgresql.ARRAY(sa.BigInteger()), nullable=False)
            for name in COLUMNS[1:]
        ),
        sa.CheckConstraint(
            "cardinality(ranks) BETWEEN 1 AND 1000", name=op.f("ck_standing_block_up_to_a_thousand")
        ),
        sa.CheckConstraint(
            " AND ".join(f"cardinality({name}) = cardinality(ranks)" for name in COLUMNS[1:]),
            name=op.f("ck_standing_block_of_one_length"),
        ),
        sa.PrimaryKeyConstraint("standing_id", "first_place", name=op.f("pk_standing_block")),
    )
    for name in COLUMNS:
        op.execute(f"ALTER TABLE standing_block ALTER {name} SET STORAGE EXTERNAL")
    op.execute(PLACES)
    op.execute(INTO_BLOCKS)
    op.drop_table("standing_row")
    op.execute(FORMER)
    op.execute("DROP FUNCTION refuse_closed_standing")
    op.execute(OPEN)
    op.execute(IMMUTABLE.format(table="standing_block"))
    op.execute(ADDED.format(table="standing_block", function="refuse_places_elsewhere"))


CLOSED = """
    CREATE FUNCTION refuse_closed_standing() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM (SELECT DISTINCT standing_id FROM added) a
            LEFT JOIN standing s ON s.id = a.standing_id
            WHERE s.id IS NULL OR s.completed_at IS NOT NULL
        ) THEN
            RAISE EXCEPTION 'this standing takes no rows' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NULL;
    END $$
"""


def downgrade() -> None:
    op.execute(ALONE.format(table="standing_block"))
    op.execute("DROP VIEW standing_row")
    op.create_table(
        "standing_row",
        sa.Column("standing_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("person_id", "score", "computed", "posted")
        ),
        sa.PrimaryKeyConstraint("standing_id", "place", name=op.f("pk_standing_row")),
    )
    op.execute(INTO_ROWS)
    op.execute("DROP FUNCTION standing_places")
    op.drop_table("standing_block")
    op.execute("DROP FUNCTION refuse_places_elsewhere")
    op.execute(CLOSED)
    op.execute(IMMUTABLE.format(table="standing_row"))
    op.execute(ADDED.format(table="standing_row", function="refuse_closed_standing"))
