"""Scores from slots, for many people at once.

A participant's local day counts the slots that lie in it, one source in each (`merge.py`): what was
measured, and where the competition takes all sources what was typed in too, at most the daily cap.
The score is the sum over the days, the best of them or the number that reached the goal, floored
once to whole units. Incremental and full recomputation are the same statements over fewer or more
days.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from sqlalchemy import Result, select, text
from sqlalchemy.orm import Session

from domain.database import array
from domain.fitness.windows import SLOTS_PER_DAY
from domain.scoring.merge import MERGED
from models import Participant
from models.competition import MAX_SCORE
from models.slots import Metric

ScoreKey = tuple[uuid.UUID, int]
"""Competition and person."""
Day = tuple[int, Metric, date]
"""A person's UTC day in a metric."""


@dataclass(frozen=True)
class ChangedDays:
    """UTC days of people's metrics, and the slots [low, high) of each that changed."""

    parts: list[tuple[Day, int, int]]

    @classmethod
    def whole(cls, days: Iterable[Day]) -> Self:
        """Return days of which any slot may have changed."""
        return cls([(day, 0, SLOTS_PER_DAY) for day in days])

    def each(self) -> list[Day]:
        """Return the days one by one."""
        return list(dict.fromkeys(day for day, _, _ in self.parts))

    def widened(self, days: Collection[Day]) -> Self:
        """Return the same, with these days as a whole."""
        narrow = [part for part in self.parts if part[0] not in days]
        return type(self)([*narrow, *self.whole(days).parts])

    def columns(self) -> dict[str, Any]:
        """Return what `TOUCHED_BY_CHANGE` asks for."""
        return {
            "person_ids": array(day[0] for day, _, _ in self.parts),
            "metrics": array(day[1] for day, _, _ in self.parts),
            "days": array(day[2] for day, _, _ in self.parts),
            "lows": array(low for _, low, _ in self.parts),
            "highs": array(high for _, _, high in self.parts),
        }


TOUCHED_BY_CHANGE = """
    SELECT DISTINCT m.competition_id, m.person_id, l.day, l.starts_at, l.ends_at,
           k.metric, k.sources, k.daily_cap, k.starts_at AS ruled_at
    FROM (
        SELECT person_id, metric,
               CAST(day AS timestamp) AT TIME ZONE 'UTC' + low * interval '15 minutes' AS start,
               CAST(day AS timestamp) AT TIME ZONE 'UTC' + high * interval '15 minutes' AS stop
        FROM unnest(CAST(:person_ids AS bigint[]), CAST(:metrics AS text[]),
                    CAST(:days AS date[]), CAST(:lows AS integer[]), CAST(:highs AS integer[]))
             AS u(person_id, metric, day, low, high)
    ) x
    JOIN participant m ON m.person_id = x.person_id
    JOIN competition k ON k.id = m.competition_id AND k.metric = x.metric
    JOIN competition_day l ON l.competition_id = k.id
         AND l.starts_at < x.stop AND l.ends_at > x.start
    WHERE m.competition_id = ANY(CAST(:open AS uuid[]))
"""
TOUCHED_IN_COMPETITION = """
    SELECT m.competition_id, m.person_id, l.day, l.starts_at, l.ends_at,
           k.metric, k.sources, k.daily_cap, k.starts_at AS ruled_at
    FROM participant m
    JOIN competition k ON k.id = m.competition_id
    JOIN competition_day l ON l.competition_id = k.id
    WHERE m.competition_id = :competition_id AND m.person_id = ANY(CAST(:person_ids AS bigint[]))
"""

# A day without any data has no row, unless it once had some. That is looked up by a count, because
# `EXISTS` may be answered by reading the whole table.
COUNT_DAYS = """
WITH touched AS MATERIALIZED ({touched}),
{merged},
sums AS (
    SELECT competition_id, person_id, day, max(sources) AS sources, max(daily_cap) * 1000 AS cap,
           coalesce(sum(value) FILTER (WHERE part = 'measured'), 0) AS measured,
           coalesce(sum(value) FILTER (WHERE part = 'manual'), 0) AS manual,
           coalesce(sum(value) FILTER (WHERE part = 'unknown'), 0) AS unsure,
           sum(value) FILTER (WHERE part = 'flagged') AS flagged,
           count(part) > 0 AS has_data
    FROM (
        SELECT competition_id, person_id, day, CAST(sources AS text), daily_cap,
               NULL AS part, NULL AS value
        FROM touched
        UNION ALL
        SELECT competition_id, person_id, day, NULL, NULL, part, value FROM merged
    ) u
    GROUP BY competition_id, person_id, day
),
ruled AS (
    SELECT s.*, r.total, least(r.total, s.cap) AS counted
    FROM sums s
    CROSS JOIN LATERAL (
        SELECT s.measured + CASE WHEN s.sources = 'all' THEN s.manual ELSE 0 END AS total
    ) r
),
written AS (
    INSERT INTO score_day AS old (competition_id, person_id, day, counted, drops)
    SELECT competition_id, person_id, day, counted,
           jsonb_strip_nulls(jsonb_build_object(
               'manual', CASE WHEN sources = 'measured' THEN nullif(manual, 0) END,
               'unknown', nullif(unsure, 0),
               'flagged', flagged,
               'cap', nullif(total - counted, 0)))
    FROM ruled r
    WHERE has_data OR (SELECT count(*) FROM score_day d
                       WHERE (d.competition_id, d.person_id, d.day)
                           = (r.competition_id, r.person_id, r.day)) > 0
    ON CONFLICT (competition_id, person_id, day) DO UPDATE
    SET counted = excluded.counted, drops = excluded.drops
    WHERE (old.counted, old.drops) IS DISTINCT FROM (excluded.counted, excluded.drops)
    RETURNING competition_id, person_id
)
SELECT DISTINCT competition_id, person_id FROM written ORDER BY competition_id, person_id
"""
COUNT_CHANGED_DAYS = text(COUNT_DAYS.format(touched=TOUCHED_BY_CHANGE, merged=MERGED))
COUNT_COMPETITION_DAYS = text(COUNT_DAYS.format(touched=TOUCHED_IN_COMPETITION, merged=MERGED))

# The plan is by keys whatever the parameters are, and making it costs as much as counting does.
ONE_PLAN = text("SET LOCAL plan_cache_mode = force_generic_plan")
# For the rest of the transaction no table is read whole: a plan that was made while `score_day` was
# empty would go on doing so as it fills.
BY_KEY = text(
    "SELECT set_config('plan_cache_mode', 'force_generic_plan', true),"
    " set_config('enable_seqscan', 'off', true)"
)

# Who changes a score marks it, in the same breath: see `domain.leaderboards.marks`.
ADD_UP = text(
    """
    WITH changed AS (
        UPDATE participant m SET computed = least(s.total, :max_score - m.posted)
        FROM (
            SELECT x.competition_id, x.person_id,
                   CASE k.scoring
                       WHEN 'total' THEN div(coalesce(sum(d.counted), 0), 1000)
                       WHEN 'best_day' THEN div(coalesce(max(d.counted), 0), 1000)
                       WHEN 'goal_days' THEN count(*) FILTER (WHERE d.counted >= k.goal * 1000)
                   END AS total
            FROM unnest(CAST(:competition_ids AS uuid[]), CAST(:person_ids AS bigint[]))
                 AS x(competition_id, person_id)
            JOIN competition k ON k.id = x.competition_id
            LEFT JOIN score_day d USING (competition_id, person_id)
            GROUP BY x.competition_id, x.person_id, k.scoring
        ) s
        WHERE m.competition_id = s.competition_id AND m.person_id = s.person_id
          AND m.computed IS DISTINCT FROM least(s.total, :max_score - m.posted)
        RETURNING m.competition_id, m.person_id
    ), marked AS (
        INSERT INTO board_dirty (competition_id, person_id)
        SELECT competition_id, person_id FROM changed
    )
    SELECT competition_id, person_id FROM changed
    """
)

FORGET = text(
    """
    WITH days AS (DELETE FROM score_day WHERE competition_id = :competition_id)
    UPDATE participant SET computed = 0 WHERE competition_id = :competition_id AND computed <> 0
    RETURNING competition_id, person_id
    """
)


def recompute_changed(
    session: Session, changed: ChangedDays, open_competitions: Sequence[uuid.UUID]
) -> list[ScoreKey]:
    """Count the touched local days of open competitions; return whose score changed.

    The caller holds the locks of `domain.locks`.
    """
    if not changed.parts:
        return []
    session.execute(ONE_PLAN)
    asked = {**changed.columns(), "open": list(open_competitions)}
    return add_up(session, keys_of(session.execute(COUNT_CHANGED_DAYS, asked)))


def recompute_participant(
    session: Session, competition_id: uuid.UUID, person_id: int
) -> list[ScoreKey]:
    """Count every day of one participant; return whose score changed.

    The caller holds the locks of `domain.locks`.
    """
    return recompute_people(session, competition_id, [person_id])


def recompute_anew(session: Session, competition_id: uuid.UUID) -> list[ScoreKey]:
    """Forget what was counted and count by the rules of now; return whose score may have changed.

    The caller holds the competition alone.
    """
    before = keys_of(session.execute(FORGET, {"competition_id": competition_id}))
    people = select(Participant.person_id).where(Participant.competition_id == competition_id)
    counted = recompute_people(session, competition_id, session.scalars(people).all())
    return sorted({*before, *counted})


def recompute_people(
    session: Session, competition_id: uuid.UUID, person_ids: Sequence[int]
) -> list[ScoreKey]:
    """Count every day of these participants; return whose score changed.

    The caller holds the locks of `domain.locks`.
    """
    session.execute(BY_KEY)
    asked = {"competition_id": competition_id, "person_ids": list(person_ids)}
    session.execute(COUNT_COMPETITION_DAYS, asked)
    return add_up(session, [(competition_id, person_id) for person_id in person_ids])


def add_up(session: Session, keys: Sequence[ScoreKey]) -> list[ScoreKey]:
    """Make people's scores what their days say; mark and return whose changed.

    Ring `leaderboards.flush` after the commit.
    """
    if not keys:
        return []
    asked = {
        "competition_ids": array(competition_id for competition_id, _ in keys),
        "person_ids": array(person_id for _, person_id in keys),
        "max_score": MAX_SCORE,
    }
    return keys_of(session.execute(ADD_UP, asked))


def keys_of(found: Result[uuid.UUID, int]) -> list[ScoreKey]:
    """Read what `COUNT_DAYS` and `ADD_UP` tell."""
    return [(competition_id, person_id) for competition_id, person_id in found.all()]
