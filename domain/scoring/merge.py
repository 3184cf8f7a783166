"""One source per slot: the rule that makes a day's number out of what several devices counted.

In each slot the first source counts that has something there and is not barred by a flag, in the
person's own order as of the start of the competition, else in the order of
`models.source.SourceKind`, of equal ones the newest.
A coarse source counts only on days on which no fine one has anything. What was typed in is merged
by the same rule and kept apart. Where everything counts, what a source cannot vouch for fills the
slots in which nothing was measured, so it competes with the measured, last.

`MERGED` is SQL to follow a `touched` of columns competition_id, person_id, day, starts_at, ends_at,
metric, sources, ruled_at: a local day, in UTC, and the time as of which its person's order counts.
It ends in `merged (competition_id, person_id, day, metric, part, value)` and, for whoever asks from
where, `attributed` with the columns source and class besides. What flags bar is in `merged` as a
part of its own, `flagged`.
"""

from domain.fitness.windows import SLOTS_PER_DAY

_NUMBERS = range(1, SLOTS_PER_DAY + 1)
# Terms are several times quicker than `unnest` and an aggregate; beyond its end an array is null.
# A midnight cuts most rows into a long part and a short one, which is spared most of the terms.
_SHORT = 16
_TERMS = [f"coalesce(CAST(f.slots[{n}] AS bigint), 0)" for n in _NUMBERS]
_TOTAL = (
    f"{' + '.join(_TERMS[:_SHORT])}"
    f" + CASE WHEN cardinality(f.slots) > {_SHORT} THEN {' + '.join(_TERMS[_SHORT:])} ELSE 0 END"
)
# Rank and value in one number: the least belongs to the first source that has something there.
_FIRST = [
    f"coalesce(min(CASE WHEN r.slots[{n}] > 0 THEN r.rank << 32 | r.slots[{n}] END), 0)"
    for n in _NUMBERS
]
_VALUE = 0xFFFFFFFF

# `barred`: the slots of each source's day that an open or rejected flag names, by number from 1.
# `found`: the local day's part of each source's row, with slots and days numbered from 1970, UTC.
# Each is looked up by its key, which is right for one day and for a million, whatever the planner
# expects; `OFFSET 0` keeps it at that, and has each total computed once.
# `compared`: whether several sources have something in that part.
# `best`: the first source's value in each slot of those.
MERGED = f"""
barred AS (
    SELECT f.competition_id, f.person_id, f.metric, f.source, f.day, f.class,
           array_agg(DISTINCT u.number) AS numbers
    FROM flag f CROSS JOIN LATERAL unnest(f.slots) WITH ORDINALITY AS u(value, number)
    WHERE f.decision <> 'accepted' AND u.value IS NOT NULL
      AND (f.competition_id, f.person_id) IN (SELECT competition_id, person_id FROM touched)
    GROUP BY f.competition_id, f.person_id, f.metric, f.source, f.day, f.class
),
found AS (
    SELECT t.competition_id, t.person_id, t.day, t.metric, t.ruled_at, d.day AS utc_day,
           s.key AS source, s.kind, s.coarse, s.first_seen_at, d.class,
           CASE WHEN d.class = 'unknown' AND t.sources = 'all' THEN 'measured' ELSE d.class END
               AS part,
           (CASE WHEN b.numbers IS NULL THEN d.slots ELSE (
               SELECT array_agg(CASE WHEN u.number <> ALL(b.numbers) THEN u.value END
                                ORDER BY u.number)
               FROM unnest(d.slots) WITH ORDINALITY AS u(value, number)
           ) END)[x.low + 1 : x.high] AS slots,
           CASE WHEN b.numbers IS NULL THEN 0 ELSE (
               SELECT coalesce(sum(u.value), 0)
               FROM unnest(d.slots) WITH ORDINALITY AS u(value, number)
               WHERE u.number = ANY(b.numbers) AND u.number > x.low AND u.number <= x.high
           ) END AS flagged
    FROM (
        SELECT *, CAST(date_part('epoch', starts_at) / 900 AS integer) AS low,
               CAST(date_part('epoch', ends_at) / 900 AS integer) AS high
        FROM touched
    ) t
    JOIN source s ON s.person_id = t.person_id
    CROSS JOIN LATERAL (
        SELECT day, class, slots, (day - DATE '1970-01-01') * 96 AS midnight
        FROM slot_day
        WHERE person_id = s.person_id AND metric = t.metric AND source = s.key
          AND day BETWEEN DATE '1970-01-01' + t.low / 96 AND DATE '1970-01-01' + (t.high - 1) / 96
        OFFSET 0
    ) d
    CROSS JOIN LATERAL (
        SELECT greatest(t.low - d.midnight, 0) AS low, least(t.high - d.midnight, 96) AS high
    ) x
    LEFT JOIN barred b ON b.competition_id = t.competition_id AND b.person_id = t.person_id
         AND b.metric = t.metric AND b.source = s.key AND b.day = d.day AND b.class = d.class
    OFFSET 0
),
compared AS (
    SELECT w.*, count(*) OVER each > 1 AS contested
    FROM (
        SELECT v.*, bool_or(NOT v.coarse AND v.value > 0) OVER (
            PARTITION BY v.person_id, v.day, v.part, v.competition_id, v.metric
        ) AS has_fine
        FROM (SELECT f.*, {_TOTAL} AS value FROM found f OFFSET 0) v
    ) w
    WINDOW each AS (
        PARTITION BY w.person_id, w.day, w.part, w.competition_id, w.metric, w.utc_day
    )
),
ranked AS (
    SELECT c.*,
           row_number() OVER (
               PARTITION BY c.person_id, c.day, c.part, c.competition_id, c.metric, c.utc_day
               ORDER BY c.class = 'unknown', array_position(o.keys, c.source) NULLS LAST,
               array_position(ARRAY['watch', 'band', 'ring', 'phone', 'other', 'cloud'],
                              CAST(c.kind AS text)),
               c.first_seen_at DESC, c.source
           ) AS rank
    FROM compared c
    LEFT JOIN LATERAL (
        SELECT u.keys FROM source_order u
        WHERE u.person_id = c.person_id AND u.ordered_at <= c.ruled_at
        ORDER BY u.ordered_at DESC LIMIT 1
    ) o ON true
    WHERE c.contested AND c.value > 0 AND NOT (c.coarse AND c.has_fine)
),
best AS (
    SELECT r.competition_id, r.person_id, r.day, r.metric, r.part,
           array_agg(r.source ORDER BY r.rank) AS sources,
           array_agg(r.class ORDER BY r.rank) AS classes,
           ARRAY[{", ".join(_FIRST)}] AS firsts,
           {" + ".join(f"({first} & {_VALUE})" for first in _FIRST)} AS value
    FROM ranked r
    GROUP BY r.person_id, r.day, r.part, r.competition_id, r.metric, r.utc_day
),
merged AS (
    SELECT competition_id, person_id, day, metric, part,
           CASE WHEN coarse AND has_fine THEN 0 ELSE value END AS value
    FROM compared WHERE NOT contested OR value = 0
    UNION ALL
    SELECT competition_id, person_id, day, metric, part, value FROM best
    UNION ALL
    SELECT competition_id, person_id, day, metric, 'flagged', flagged FROM compared
    WHERE flagged > 0
),
attributed AS (
    SELECT competition_id, person_id, day, metric, part, source, class, value
    FROM compared
    WHERE NOT contested AND NOT (coarse AND has_fine)
    UNION ALL
    SELECT b.competition_id, b.person_id, b.day, b.metric, b.part, b.sources[first >> 32],
           b.classes[first >> 32], first & {_VALUE}
    FROM best b CROSS JOIN LATERAL unnest(b.firsts) AS first
    WHERE first > 0
)
"""  # noqa: S608  the terms are our own


def merged_from(slots: str) -> str:
    """Return `MERGED` over another table of person_id, metric, source, day, class and slots."""
    return MERGED.replace("FROM slot_day", f"FROM {slots}")
