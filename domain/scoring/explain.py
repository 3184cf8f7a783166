"""Where a score comes from: each day, each source, what was counted and what was not, and why.

Days are those of the score, which stand still after the cut-off; their parts come from the slots as
they were at the cut-off, and what has changed since is shown beside them as late.
"""

import enum
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from domain.errors import NotFound
from domain.fitness.slot_versions import SLOTS_AT_CUTOFF
from domain.scoring.flags import flags_of
from domain.scoring.merge import merged_from
from domain.scoring.postings import Postings, postings_of
from models import Competition, Flag, Participant, Person, ScoreDay, Source
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
    late: int = 0
    """What came after the cut-off, in addition; less than nothing where data was taken back."""


_Key = tuple[date, str, SlotClass]


@dataclass(frozen=True)
class ExplainedDay:
    """A local day: its parts' counted, less what lies over the cap, are `counted`."""

    day: date
    counted: int
    over_cap: int
    parts: list[SourcePart]


@dataclass(frozen=True)
class Explanation:
    """A participant's score, and the days and postings that it is made of.

    The days come to more than `participant.computed` only where the score would be above
    `MAX_SCORE`, 2^53 - 1: there it is cut, and the days are not.
    """

    competition: Competition
    participant: Participant
    days: list[ExplainedDay]
    flags: list[Flag]
    postings: Postings


TOUCHED = f"""
    touched AS MATERIALIZED (
        SELECT k.id AS competition_id, CAST(:person_id AS bigint) AS person_id,
               l.day, l.starts_at, l.ends_at, k.metric, k.sources, k.starts_at AS ruled_at
        FROM competition k JOIN competition_day l ON l.competition_id = k.id
        WHERE k.id = :competition_id
    ),
    slots_then AS (
        SELECT * FROM ({SLOTS_AT_CUTOFF}) any_person WHERE person_id = :person_id
    )
"""  # noqa: S608  the fragment is our own
PARTS = text(
    f"""
    WITH {TOUCHED},
    {merged_from("slots_then")},
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
           seen.beaten, coalesce(taken.counted, 0) AS counted
    FROM seen
    LEFT JOIN taken USING (day, source, class, part)
    WHERE seen.total > 0
    """  # noqa: S608  the fragment is our own
)
LATE = text(
    f"""
    WITH {TOUCHED},
    found AS (
        SELECT metric, source, day AS utc_day, class, slots, 1 AS sign FROM slot_day
        WHERE person_id = :person_id
        UNION ALL
        SELECT metric, source, day, class, slots, -1 FROM slots_then
    )
    SELECT t.day, f.source, f.class AS slot_class, sum(f.sign * slot.value) AS late
    FROM touched t
    JOIN found f ON f.metric = t.metric
         AND f.utc_day BETWEEN CAST(t.starts_at AT TIME ZONE 'UTC' AS date)
                           AND CAST(t.ends_at AT TIME ZONE 'UTC' AS date)
    CROSS JOIN LATERAL unnest(f.slots) WITH ORDINALITY AS slot(value, number)
    CROSS JOIN LATERAL (
        SELECT CAST(f.utc_day AS timestamp) AT TIME ZONE 'UTC'
               + (slot.number - 1) * interval '15 minutes' AS begins
    ) at
    WHERE at.begins >= t.starts_at AND at.begins < t.ends_at
    GROUP BY t.day, f.source, f.class HAVING sum(f.sign * slot.value) <> 0
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
    at = {**ids, "cutoff_at": competition.cutoff_at}
    found_parts = [_Found.of(row, competition.sources) for row in session.execute(PARTS, at)]
    late = {
        (row.day, row.source, SlotClass(row.slot_class)): int(row.late)
        for row in session.execute(LATE, at)
    }
    parts = _parts(found_parts, late, _sources(session, participant.person_id))
    days = session.scalars(select(ScoreDay).filter_by(**ids).order_by(ScoreDay.day)).all()
    flags = flags_of(session, competition_id, participant.person_id)
    posted = postings_of(session, competition_id, participant.person_id)
    return Explanation(competition, participant, list(_days(days, parts)), flags, posted)


class _Found(NamedTuple):
    """A part as the slots tell it; `beaten` when a finer source had data on that day."""

    day: date
    source: str
    slot_class: SlotClass
    counted: int = 0
    dropped: int = 0
    flagged: int = 0
    why: Why | None = None

    @classmethod
    def of(cls, row: Row[Any], sources: Sources) -> "_Found":
        """Say what of it counted, and why the rest did not."""
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
        return cls(row.day, row.source, SlotClass(row.slot_class), counted, dropped, flagged, why)


def _sources(session: Session, person_id: int) -> dict[str, Source]:
    return {one.key: one for one in session.scalars(select(Source).filter_by(person_id=person_id))}


def _parts(
    found: list[_Found], late: Mapping[_Key, int], sources: Mapping[str, Source]
) -> dict[date, list[SourcePart]]:
    """Spell parts out by day, those that are late altogether among them."""
    known = {one[:3] for one in found}
    parts: dict[date, list[SourcePart]] = {}
    for one in sorted([*found, *(_Found(*key) for key in late if key not in known)]):
        source = sources[one.source]
        part = SourcePart(
            source=one.source,
            kind=source.kind,
            provider=source.provider,
            app=source.app,
            manufacturer=source.manufacturer,
            model=source.model,
            slot_class=one.slot_class,
            counted=one.counted,
            dropped=one.dropped,
            flagged=one.flagged,
            why=one.why,
            late=late.get(one[:3], 0),
        )
        parts.setdefault(one.day, []).append(part)
    return parts


def _days(
    days: Sequence[ScoreDay], parts: Mapping[date, list[SourcePart]]
) -> Iterator[ExplainedDay]:
    scored = {one.day: one for one in days}
    for day in sorted({*scored, *parts}):
        score = scored.get(day)
        yield ExplainedDay(
            day=day,
            counted=score.counted if score else 0,
            over_cap=int(score.drops.get("cap", 0)) if score else 0,
            parts=parts.get(day, []),
        )
