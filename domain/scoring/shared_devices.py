"""The same device under two accounts, told by what it counted.

Maker and model are no identity, and neither platform tells more. But who counts the same numbers in
the same quarter hours for hours wears the same device: walkers meet in a slot of some hundred steps
about once in a thousand, and here the two highest slots of the day and eight in all must be equal.
Metrics in which people who walk together do agree, or whoever rests does, are not compared.

Others' data is needed for it, so it is looked for beside the data's way and not on it: a look takes
in the days that were written since the one before. After the cut-off it sees the data of then, and
the last look is taken between that and the freeze.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.fitness.slot_versions import SLOTS_AT_CUTOFF
from domain.locks import lock_competitions_shared, lock_people
from domain.scoring.at_cutoff import recompute_at_cutoff
from domain.scoring.competing import where_it_counts
from domain.scoring.flags import Day, keep
from domain.scoring.plausibility import UNIT, Doubt
from domain.scoring.recompute import ChangedDays
from models import Competition
from models.competition import CompetitionStatus
from models.flag import FlagReason
from models.slots import Metric, SlotClass

TELLING = {Metric.STEPS: 100 * UNIT, Metric.DISTANCE: 70 * UNIT}
"""By metric that is compared, the least that a slot must hold to tell devices apart."""
EQUAL_SLOTS = 8
SEARCHED = (CompetitionStatus.ACTIVE, CompetitionStatus.CLOSING)
EVERY = timedelta(minutes=15)
STATEMENT_TIMEOUT = "2min"
"""A look reads a day of everybody in a competition."""
IN_FLIGHT = timedelta(minutes=10)
"""No transaction that writes data lasts longer, so none is overlooked."""

DUE = text(
    """
    SELECT k.id AS competition_id, k.metric, k.cutoff_at, l.looked_at
    FROM competition k LEFT JOIN device_look l ON l.competition_id = k.id
    WHERE k.status = ANY(CAST(:searched AS text[])) AND k.metric = ANY(CAST(:metrics AS text[]))
      AND (CAST(:competition_id AS uuid) IS NULL AND coalesce(l.looked_at <= :before, true)
           OR k.id = :competition_id)
    ORDER BY l.looked_at NULLS FIRST, k.id
    """
)
WRITTEN = text(
    f"""
    SELECT DISTINCT d.day
    FROM competition k
    JOIN participant m ON m.competition_id = k.id
    JOIN ({SLOTS_AT_CUTOFF}) d ON d.person_id = m.person_id AND d.metric = k.metric
         AND d.day BETWEEN CAST(k.starts_at AT TIME ZONE 'UTC' AS date)
                       AND CAST(k.ends_at AT TIME ZONE 'UTC' AS date)
    WHERE k.id = :competition_id
      AND (CAST(:since AS timestamptz) IS NULL OR d.ingested_at > :since)
    ORDER BY d.day
    """  # noqa: S608  the fragment is our own
)
# Only rows that share their two highest slots with somebody else's come out.
ALIKE = text(
    f"""
    WITH peaks AS (
        SELECT d.person_id, d.source, d.slots, top.highest,
               min(d.person_id) OVER (PARTITION BY top.highest) AS first,
               max(d.person_id) OVER (PARTITION BY top.highest) AS last
        FROM participant m
        JOIN ({SLOTS_AT_CUTOFF}) d ON d.person_id = m.person_id
        CROSS JOIN LATERAL (
            SELECT array_agg(ARRAY[h.number, h.value] ORDER BY h.number) AS highest
            FROM (
                SELECT u.number, u.value
                FROM unnest(d.slots) WITH ORDINALITY AS u(value, number)
                WHERE u.value >= :telling
                ORDER BY u.value DESC, u.number LIMIT 2
            ) h
        ) top
        WHERE m.competition_id = :competition_id AND d.metric = :metric AND d.day = :day
          AND d.class = 'measured' AND array_length(top.highest, 1) = 2
          AND (CAST(:people AS bigint[]) IS NULL OR m.person_id = ANY(:people))
    )
    SELECT highest, person_id, source, slots
    FROM peaks WHERE first <> last ORDER BY highest, person_id, source
    """  # noqa: S608  the fragment is our own
)
STANDING = text(
    """
    SELECT DISTINCT person_id FROM flag
    WHERE competition_id = :competition_id AND day = :day AND reason = 'shared_device'
      AND decision <> 'accepted'
    """
)
LOOKED = text(
    """
    INSERT INTO device_look AS old (competition_id, looked_at) VALUES (:competition_id, :now)
    ON CONFLICT (competition_id) DO UPDATE
    SET looked_at = greatest(old.looked_at, excluded.looked_at)
    """
)


@dataclass(frozen=True)
class Look:
    """A search that is due."""

    competition_id: uuid.UUID
    metric: Metric
    cutoff_at: datetime
    looked_at: datetime | None


class Stream(NamedTuple):
    """One source's slots of a day."""

    person_id: int
    source: str
    slots: Sequence[int | None]


def looks_due(session: Session, now: datetime) -> list[Look]:
    """Return the competitions to search, those first that waited longest."""
    return _looks(session, {"competition_id": None, "before": now - EVERY})


def last_look(session: Session, competition_id: uuid.UUID) -> Look | None:
    """Return the search to make before a competition is frozen, if its metric tells devices."""
    return next(iter(_looks(session, {"competition_id": competition_id, "before": None})), None)


def _looks(session: Session, which: dict[str, Any]) -> list[Look]:
    asked = {**which, "searched": list(map(str, SEARCHED)), "metrics": list(map(str, TELLING))}
    return [
        Look(row.competition_id, Metric(row.metric), row.cutoff_at, row.looked_at)
        for row in session.execute(DUE, asked)
    ]


def days_written(session: Session, look: Look) -> list[date]:
    """Return the UTC days with data that has not been seen."""
    _take_time(session)
    since = look.looked_at and look.looked_at - IN_FLIGHT
    asked = {
        "competition_id": look.competition_id,
        "cutoff_at": look.cutoff_at,
        "since": since,
    }
    return list(session.scalars(WRITTEN, asked))


def suspects(session: Session, look: Look, day: date) -> list[int]:
    """Return the people whose data of a day is alike, or was when they were flagged."""
    _take_time(session)
    found = {one.person_id for group in _alike(session, look, day) for one in group}
    asked = {"competition_id": look.competition_id, "day": day}
    return sorted(found.union(session.scalars(STANDING, asked)))


def flag_shared(
    session: Session,
    look: Look,
    day: date,
    people: Collection[int],
    suspected: Collection[int],
    now: datetime,
) -> int:
    """Make these people's flags of a day what the data of all suspects says.

    Returns how many scores changed.
    """
    lock_people(session, people)
    lock_competitions_shared(session, [look.competition_id])
    competition = session.get_one(Competition, look.competition_id, populate_existing=True)
    if competition.status not in SEARCHED:
        return 0
    look = replace(look, cutoff_at=competition.cutoff_at)  # it may have been ended early
    doubts: list[tuple[Day, Doubt]] = [
        ((person_id, look.metric, day), doubt)
        for group in _alike(session, look, day, suspected)
        for person_id, doubt in compare(group, TELLING[look.metric])
        if person_id in people
    ]
    days = [(person_id, look.metric, day) for person_id in people]
    found = where_it_counts(session, doubts, [look.competition_id])
    keep(session, found, days, [look.competition_id], [FlagReason.SHARED_DEVICE], now)
    changed = ChangedDays.whole(days)
    return len(recompute_at_cutoff(session, look.competition_id, look.cutoff_at, changed))


def finish_look(session: Session, look: Look, now: datetime) -> None:
    """Note that everything written before `now` has been seen."""
    session.execute(LOOKED, {"competition_id": look.competition_id, "now": now})


def compare(group: Sequence[Stream], telling: int) -> Iterator[tuple[int, Doubt]]:
    """Yield who of a group of look-alikes has the same as the first of the others."""
    for one in group:
        other = next((other for other in group if other.person_id != one.person_id), None)
        if other is None:
            continue
        pairs = enumerate(zip(one.slots, other.slots, strict=True))
        same = {number: here for number, (here, there) in pairs if here and here == there}
        equal = sum(value >= telling for value in same.values())
        if equal >= EQUAL_SLOTS:
            reason, evidence = FlagReason.SHARED_DEVICE, {"equal_quarter_hours": float(equal)}
            yield (
                one.person_id,
                Doubt(one.source, SlotClass.MEASURED, reason, same, {**evidence}, other.person_id),
            )


def _alike(
    session: Session, look: Look, day: date, people: Iterable[int] | None = None
) -> Iterator[list[Stream]]:
    rows = session.execute(
        ALIKE,
        {
            "competition_id": look.competition_id,
            "metric": look.metric,
            "day": day,
            "telling": TELLING[look.metric],
            "cutoff_at": look.cutoff_at,
            "people": None if people is None else list(people),
        },
    )
    for _, group in groupby(rows, lambda row: row.highest):
        yield [Stream(row.person_id, row.source, row.slots) for row in group]


def _take_time(session: Session) -> None:
    session.execute(
        text("SELECT set_config('statement_timeout', :limit, true)"), {"limit": STATEMENT_TIMEOUT}
    )
