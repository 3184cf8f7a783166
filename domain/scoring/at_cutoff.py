"""Days counted from the slots as they were at the cut-off; before it, that is as they are.

What people decide may follow the cut-off, when slots already hold what came too late.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.fitness.slot_versions import SLOTS_AT_CUTOFF
from domain.scoring.competing import where_it_counts
from domain.scoring.flags import Day, keep
from domain.scoring.merge import merged_from
from domain.scoring.plausibility import SourceSlots, judge
from domain.scoring.recompute import (
    COUNT_DAYS,
    ONE_PLAN,
    TOUCHED_BY_CHANGE,
    TOUCHED_IN_COMPETITION,
    ChangedDays,
    ScoreKey,
    add_up,
    keys_of,
)
from domain.scoring.review import RULED
from models.slots import SlotClass
from models.source import SourceKind

SLOTS = text(
    f"""
    SELECT d.source, s.kind, d.class, d.slots
    FROM ({SLOTS_AT_CUTOFF}) d
    JOIN source s ON s.person_id = d.person_id AND s.key = d.source
    WHERE d.person_id = :person_id AND d.metric = :metric AND d.day = :day
    ORDER BY d.source, d.class
    """  # noqa: S608  the fragment is our own
)
MERGED_AT_CUTOFF = f"slots_then AS ({SLOTS_AT_CUTOFF}), {merged_from('slots_then')}"
COUNT_CHANGED_DAYS = text(COUNT_DAYS.format(touched=TOUCHED_BY_CHANGE, merged=MERGED_AT_CUTOFF))
LAST_DAYS = f"{TOUCHED_IN_COMPETITION} AND l.ends_at = k.ends_at"
COUNT_LAST_DAYS = text(COUNT_DAYS.format(touched=LAST_DAYS, merged=MERGED_AT_CUTOFF))
DROP_DAYS = text(
    """
    DELETE FROM score_day d
    WHERE d.competition_id = :competition_id AND d.person_id = ANY(:person_ids)
      AND NOT EXISTS (SELECT FROM competition_day l
                      WHERE (l.competition_id, l.day) = (d.competition_id, d.day))
    """
)


def review_at_cutoff(
    session: Session, competition_id: uuid.UUID, cutoff_at: datetime, day: Day, now: datetime
) -> None:
    """Make the flags of a person's day what the data of then says, beside all decisions.

    The caller holds the locks of `domain.locks`, and counts the day afterwards.
    """
    person_id, metric, date = day
    asked = {"person_id": person_id, "metric": metric, "day": date, "cutoff_at": cutoff_at}
    rows = session.execute(SLOTS, asked)
    data = [
        SourceSlots(source, SourceKind(kind), SlotClass(slot_class), slots)
        for source, kind, slot_class, slots in rows
    ]
    doubts = [(day, doubt) for doubt in judge(metric, data)]
    found = where_it_counts(session, doubts, [competition_id])
    keep(session, found, [day], [competition_id], RULED, now)


def recompute_at_cutoff(
    session: Session, competition_id: uuid.UUID, cutoff_at: datetime, changed: ChangedDays
) -> list[ScoreKey]:
    """Count the touched local days of one competition; return whose score changed.

    The caller holds the locks of `domain.locks`.
    """
    session.execute(ONE_PLAN)
    asked = {**changed.columns(), "open": [competition_id], "cutoff_at": cutoff_at}
    return add_up(session, keys_of(session.execute(COUNT_CHANGED_DAYS, asked)))


def recompute_ended(
    session: Session, competition_id: uuid.UUID, person_ids: Sequence[int], cutoff_at: datetime
) -> list[ScoreKey]:
    """Let scores follow a calendar that was cut; return whose score changed.

    Of the days that are left only the last is another one. The cut-off may have passed meanwhile:
    what came after it is not counted. The caller holds the locks of `domain.locks`.
    """
    people = {"competition_id": competition_id, "person_ids": list(person_ids)}
    session.execute(DROP_DAYS, people)
    session.execute(COUNT_LAST_DAYS, {**people, "cutoff_at": cutoff_at})
    return add_up(session, [(competition_id, person_id) for person_id in person_ids])
