"""One source per slot: the rule that makes a day's number out of what several devices counted.

In each slot the first source counts that has something there, in the person's own order as of the
start of the competition, else in the order of `models.source.SourceKind`, of equal ones the newest.
A coarse source counts only on days on which no fine one has anything. What was typed in is merged
by the same rule and kept apart. Where everything counts, what a source cannot vouch for fills the
slots in which nothing was measured, so it competes with the measured, last.

`MERGED` is SQL to follow a `touched` of columns competition_id, person_id, day, starts_at, ends_at,
metric, sources, ruled_at: a local day, in UTC, and the time as of which its person's order counts.
It ends in `merged (competition_id, person_id, day, metric, part, source, class, value)`.
"""

# `found`: the local day's part of each source's row. A slot of the UTC day `d.day` lies in the
# local day when its number is in (low, high].
# `ranked`: which source is believed first, and whether there is anything to decide.
# `merged`: days with one source are a sum; in the others each slot is its first source's.
MERGED = """
found AS (
    SELECT t.competition_id, t.person_id, t.day, t.metric, t.ruled_at, d.day AS utc_day,
           d.source, d.class,
           CASE WHEN d.class = 'unknown' AND t.sources = 'all' THEN 'measured' ELSE d.class END
               AS part,
           d.slots[
               greatest(CAST(extract(epoch FROM t.starts_at - u.midnight) AS integer) / 900, 0) + 1
               : least(CAST(extract(epoch FROM t.ends_at - u.midnight) AS integer) / 900, 96)
           ] AS slots
    FROM touched t
    JOIN slot_day d ON d.person_id = t.person_id AND d.metric = t.metric
         AND d.day BETWEEN CAST(t.starts_at AT TIME ZONE 'UTC' AS date)
                       AND CAST(t.ends_at AT TIME ZONE 'UTC' AS date)
    CROSS JOIN LATERAL (SELECT CAST(d.day AS timestamp) AT TIME ZONE 'UTC' AS midnight) u
),
ranked AS (
    SELECT f.*, total.value, s.coarse,
           row_number() OVER (
               each ORDER BY f.class = 'unknown', array_position(o.keys, f.source) NULLS LAST,
               array_position(ARRAY['watch', 'band', 'ring', 'phone', 'other', 'cloud'],
                              CAST(s.kind AS text)),
               s.first_seen_at DESC, f.source
           ) AS rank,
           min(f.source) OVER each <> max(f.source) OVER each
               OR min(f.class) OVER each <> max(f.class) OVER each AS several,
           bool_or(NOT s.coarse AND total.value > 0) OVER each AS has_fine
    FROM found f
    JOIN source s ON s.person_id = f.person_id AND s.key = f.source
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(slot), 0) AS value FROM unnest(f.slots) AS slot
    ) total
    LEFT JOIN LATERAL (
        SELECT c.keys FROM source_order c
        WHERE c.person_id = f.person_id AND c.ordered_at <= f.ruled_at
        ORDER BY c.ordered_at DESC LIMIT 1
    ) o ON true
    WINDOW each AS (PARTITION BY f.competition_id, f.person_id, f.day, f.metric, f.part)
),
chosen AS (
    SELECT DISTINCT ON (r.competition_id, r.person_id, r.day, r.metric, r.part, r.utc_day,
                        slot.number)
           r.competition_id, r.person_id, r.day, r.metric, r.part, r.source, r.class, slot.value
    FROM ranked r
    CROSS JOIN LATERAL unnest(r.slots) WITH ORDINALITY AS slot(value, number)
    WHERE r.several AND slot.value > 0 AND NOT (r.coarse AND r.has_fine)
    ORDER BY r.competition_id, r.person_id, r.day, r.metric, r.part, r.utc_day, slot.number,
             r.rank
),
merged AS (
    SELECT competition_id, person_id, day, metric, part, source, class, value
    FROM ranked WHERE NOT several
    UNION ALL
    SELECT competition_id, person_id, day, metric, part, source, class, value FROM chosen
)
"""
