"""Where a score comes from: each day, each source, what was counted and what was not, and why."""

import enum
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from domain.errors import NotFound
from domain.scoring.flags import flags_of
from domain.scoring.merge import MERGED
from domain.scoring.postings import Postings, postings_of
from models import Competition, Flag, Participant, Person, ScoreDay
from models.competition import Sources
from models.slots import SlotClass
from models.source import SourceKind


class Why(enum.StrEnum):
    """Why something was not counted."""

    OVERLAP = "overlap"
    """Another source counts in these quarter hours."""
    COARSE = "coarse"
    """Its intervals are longer than an hour, and a finer source has data on that day."""
    MANUAL = "manual"
    """It was typed in, and only what was measured counts."""
    UNKNOWN = "unknown"
    """Nobody knows how it came to be, and only what was measured counts."""
    FLAGGED = "flagged"
    """It is implausible, and the organiser has not accepted it."""


@dataclass(frozen=True)
class SourcePart:
    """What one source had on a day, in 1/1000 of the unit; `counted + dropped` is all of it."""

    source: str
    kind: SourceKind
    provider: str
    app: str | None
    manufacturer: str | None
    model: str | None
    slot_class: SlotClass
    counted: int
    dropped: int
    flagged: int
    """How much of what was dropped is so because of flags."""
    why: Why | None
    """Of the rest of what was dropped, if there is any; null when nothing was dropped."""


@dataclass(frozen=True)
class ExplainedDay:
    """A local day: the parts counted, less what lies over the cap, are `counted`."""

    day: date
    counted: int
    over_cap: int
    parts: list[SourcePart]


@dataclass(frozen=True)
class Explanation:
    """A participant's score, and the days and postings that it is made of."""

    competition: Competition
    participant: Participant
    days: list[ExplainedDay]
    flags: list[Flag]
    postings: Postings


PARTS = text(
    f"""
    WITH touched AS MATERIALIZED (
        SELECT k.id AS competition_id, CAST(:person_id AS bigint) AS person_id,
               l.day, l.starts_at, l.ends_at, k.metric, k.sources, k.starts_at AS ruled_at
        FROM competition k JOIN competition_day l ON l.competition_id = k.id
        WHERE k.id = :competition_id
    ),
    {MERGED},
    seen AS (
        SELECT day, source, class, part, sum(value + flagged) AS total, sum(flagged) AS flagged,
               bool_or(coarse AND has_fine) AS beaten
        FROM compared GROUP BY day, source, class, part
    ),
    taken AS (
        SELECT day, source, class, part, sum(value) AS counted
        FROM attributed GROUP BY day, source, class, part
    )
    SELECT seen.day, seen.source, seen.class AS slot_class, seen.part, seen.total, seen.flagged,
           seen.beaten,
           coalesce(taken.counted, 0) AS counted,
           s.kind, s.provider, s.app, s.manufacturer, s.model
    FROM seen
    LEFT JOIN taken USING (day, source, class, part)
    JOIN source s ON s.person_id = :person_id AND s.key = seen.source
    WHERE seen.total > 0
    ORDER BY seen.day, seen.source, seen.class
    """  # noqa: S608  the fragment is our own
)


def explain(session: Session, competition_id: uuid.UUID, user_id: uuid.UUID) -> Explanation:
    """Explain a participant's score. Raises NotFound."""
    found = session.execute(
        select(Competition, Participant)
        .join(Participant, Participant.competition_id == Competition.id)
        .join(Person, Person.id == Participant.person_id)
        .where(Competition.id == competition_id, Person.user_id == user_id)
    ).first()
    if found is None:
        raise NotFound("This person does not take part.", code="not_a_participant")
    competition, participant = found
    ids = {"competition_id": competition_id, "person_id": participant.person_id}
    parts: dict[date, list[SourcePart]] = {}
    for row in session.execute(PARTS, ids):
        parts.setdefault(row.day, []).append(_part(row, competition.sources))
    days = session.scalars(select(ScoreDay).filter_by(**ids).order_by(ScoreDay.day)).all()
    flags = flags_of(session, competition_id, participant.person_id)
    posted = postings_of(session, competition_id, participant.person_id)
    return Explanation(competition, participant, list(_days(days, parts)), flags, posted)


def _days(days: Sequence[ScoreDay], parts: dict[date, list[SourcePart]]) -> Iterator[ExplainedDay]:
    for day in days:
        yield ExplainedDay(
            day.day, day.counted, int(day.drops.get("cap", 0)), parts.get(day.day, [])
        )


def _part(row: Row[Any], sources: Sources) -> SourcePart:
    part = SlotClass(row.part)
    ignored = sources is Sources.MEASURED and part is not SlotClass.MEASURED
    counted = 0 if ignored else int(row.counted)
    dropped, flagged = int(row.total) - counted, int(row.flagged)
    why = None
    if dropped > flagged:
        beaten = Why.COARSE if row.beaten else Why.OVERLAP
        why = Why(part) if ignored else beaten
    elif dropped:
        why = Why.FLAGGED
    return SourcePart(
        source=row.source,
        kind=SourceKind(row.kind),
        provider=row.provider,
        app=row.app,
        manufacturer=row.manufacturer,
        model=row.model,
        slot_class=SlotClass(row.slot_class),
        counted=counted,
        dropped=dropped,
        flagged=flagged,
        why=why,
    )
