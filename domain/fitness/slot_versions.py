"""Versions of slot rows: what counted at a cut-off is kept when later data replaces it.

A row is kept once for each cut-off that it was counted at: when content that arrived before the
cut-off of a competition of its person, over a day of it, gives way to something else. So at any
cut-off C the slots are those rows of `slot_day` that arrived before C, and of the versions those
that arrived before C and stood at it.
"""

# Follows a `replaced` of the columns of `slot_day`; parameters `closed`, competitions past their
# cut-off, and `now`.
KEEP_REPLACED = """
    INSERT INTO slot_day_version
        (person_id, metric, source, day, class, ingested_at, slots, replaced_at)
    SELECT r.person_id, r.metric, r.source, r.day, r.class, r.ingested_at, r.slots, :now
    FROM replaced r
    WHERE EXISTS (
        SELECT FROM participant m JOIN competition k ON k.id = m.competition_id
        WHERE m.person_id = r.person_id AND k.id = ANY(CAST(:closed AS uuid[]))
          AND k.metric = r.metric AND r.ingested_at < k.cutoff_at
          AND k.starts_at < CAST(r.day + 1 AS timestamp) AT TIME ZONE 'UTC'
          AND k.ends_at > CAST(r.day AS timestamp) AT TIME ZONE 'UTC')
"""
SLOTS_AT_CUTOFF = """
    SELECT person_id, metric, source, day, class, ingested_at, slots FROM slot_day
    WHERE ingested_at < :cutoff_at
    UNION ALL
    SELECT person_id, metric, source, day, class, ingested_at, slots FROM slot_day_version
    WHERE ingested_at < :cutoff_at AND replaced_at >= :cutoff_at
"""
"""The slots as they were at `cutoff_at`; to be narrowed down to people by whoever reads them."""
