"""Which doubts matter where: each competition has its own flags."""

import uuid
from collections.abc import Collection
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from domain.fitness.windows import QUARTER
from domain.scoring.flags import Day, Subject
from domain.scoring.plausibility import Doubt, DoubtedSlots
from models.competition import Sources
from models.slots import Metric, SlotClass

COMPETING = text(
    """
    SELECT k.id, m.person_id, k.metric, k.sources, k.starts_at, k.ends_at
    FROM participant m JOIN competition k ON k.id = m.competition_id
    WHERE m.person_id = ANY(:person_ids) AND k.id = ANY(CAST(:open AS uuid[]))
    """
)


def where_it_counts(
    session: Session,
    doubts: Collection[tuple[Day, Doubt]],
    competition_ids: Collection[uuid.UUID],
) -> dict[Subject, Doubt]:
    """Return what is doubted in which of the competitions: only slots that would count there."""
    by_person: dict[int, list[tuple[Day, Doubt]]] = {}
    for one in doubts:
        by_person.setdefault(one[0][0], []).append(one)
    asked = {"person_ids": list(by_person), "open": list(competition_ids)}
    found: dict[Subject, Doubt] = {}
    for row in session.execute(COMPETING, asked):
        for (person_id, metric, day), doubt in by_person[row.person_id]:
            slots = _counting(row, metric, day, doubt)
            if slots:
                subject = Subject(
                    row.id, person_id, metric, doubt.source, day, doubt.slot_class, doubt.reason
                )
                found[subject] = doubt._replace(slots=slots)
    return found


def _counting(row: Row[Any], metric: Metric, day: date, doubt: Doubt) -> DoubtedSlots:
    is_taken = doubt.slot_class is SlotClass.MEASURED or row.sources == Sources.ALL
    if row.metric != metric or not is_taken:
        return {}
    midnight = datetime.combine(day, time(), tzinfo=UTC)
    return {
        number: value
        for number, value in doubt.slots.items()
        if row.starts_at <= midnight + number * QUARTER < row.ends_at
    }
