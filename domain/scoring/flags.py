"""The book of flags: what is doubted now, beside what organisers have said to it.

Doubted slots count only as far as a decision accepts them. A rejection holds for a slot as long as
it is doubted, an acceptance up to the value that was accepted; for the rest there is one open flag.
So which slots do not count follows from the data and the decisions alone.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session, aliased

from domain.fitness.windows import SLOTS_PER_DAY
from domain.ids import new_id
from domain.scoring.plausibility import Doubt, DoubtedSlots
from models import Flag, PastDecision, Person
from models.flag import Decision, FlagReason
from models.slots import Metric, SlotClass


class Subject(NamedTuple):
    """What a flag is about."""

    competition_id: uuid.UUID
    person_id: int
    metric: Metric
    source: str
    day: date
    slot_class: SlotClass
    reason: FlagReason


Day = tuple[int, Metric, date]
"""A person's UTC day of a metric."""


@dataclass(frozen=True)
class SeenFlag:
    """A flag and the people whom it names."""

    flag: Flag
    person: Person
    other: Person | None
    decider: Person | None
    past: list[tuple[PastDecision, Person]]
    """Earlier decisions and who took them, the oldest first."""


def keep(
    session: Session,
    doubts: Mapping[Subject, Doubt],
    days: Collection[Day],
    competition_ids: Collection[uuid.UUID],
    reasons: Collection[FlagReason],
    now: datetime,
) -> None:
    """Make the flags of these days, competitions and reasons what the doubts say.

    The caller holds the locks of `domain.locks` and counts the days afterwards.
    """
    standing: dict[Subject, list[Flag]] = {subject: [] for subject in doubts}
    found = select(Flag).where(
        Flag.competition_id.in_(competition_ids),
        tuple_(Flag.person_id, Flag.metric, Flag.day).in_(days),
        Flag.reason.in_(reasons),
    )
    for flag in session.scalars(found.execution_options(populate_existing=True)):
        standing.setdefault(subject_of(flag), []).append(flag)
    for subject, flags in standing.items():
        _settle(session, subject, doubts.get(subject), flags, now)
    session.flush()  # what follows reads it by plain SQL


def subject_of(flag: Flag) -> Subject:
    """Return what a flag is about."""
    return Subject(*(getattr(flag, name) for name in Subject._fields))


def _settle(
    session: Session, subject: Subject, doubt: Doubt | None, flags: Iterable[Flag], now: datetime
) -> None:
    by_decision: dict[Decision, list[Flag]] = {decision: [] for decision in Decision}
    for flag in flags:
        by_decision[flag.decision].append(flag)
    left = dict(doubt.slots) if doubt else {}
    for flag in by_decision[Decision.ACCEPTED]:
        left = {number: value for number, value in left.items() if not _covers(flag, number, value)}
    unanswered = dict(left)
    for flag in by_decision[Decision.REJECTED]:
        named = {number: v for number, v in left.items() if flag.slots[number] is not None}
        _put(flag, named, now)
        unanswered = {number: v for number, v in unanswered.items() if number not in named}
    if doubt is None or not unanswered:
        for flag in by_decision[Decision.OPEN]:
            session.delete(flag)
        return
    if by_decision[Decision.OPEN]:
        (flag,) = by_decision[Decision.OPEN]
    else:
        flag = Flag(id=new_id(), **subject._asdict(), raised_at=now, decision=Decision.OPEN)
        session.add(flag)
    _put(flag, unanswered, now)
    flag.evidence, flag.other_person_id = doubt.evidence, doubt.other_person_id


def _covers(accepted: Flag, number: int, value: int) -> bool:
    return value <= (accepted.slots[number] or 0)


def _put(flag: Flag, values: DoubtedSlots, now: datetime) -> None:
    slots = [values.get(number) for number in range(SLOTS_PER_DAY)]
    if flag.slots != slots:
        flag.slots, flag.changed_at = slots, now


def list_flags(
    session: Session,
    competition_id: uuid.UUID,
    *,
    decision: Decision | None,
    limit: int,
    before: uuid.UUID | None,
) -> list[SeenFlag]:
    """Return at most `limit` flags of a competition, newest first, older than the id `before`."""
    found = select(Flag.id).where(Flag.competition_id == competition_id)
    if decision is not None:
        found = found.where(Flag.decision == decision)
    if before is not None:
        found = found.where(Flag.id < before)
    return see_flags(session, session.scalars(found.order_by(Flag.id.desc()).limit(limit)).all())


def flags_of(session: Session, competition_id: uuid.UUID, person_id: int) -> list[Flag]:
    """Return a participant's flags, by day."""
    found = select(Flag).filter_by(competition_id=competition_id, person_id=person_id)
    return list(session.scalars(found.order_by(Flag.day, Flag.id)))


def see_flags(session: Session, flag_ids: Collection[uuid.UUID]) -> list[SeenFlag]:
    """Return flags with the people whom they name, newest first."""
    other, decider = aliased(Person), aliased(Person)
    found = session.execute(
        select(Flag, Person, other, decider)
        .join(Person, Person.id == Flag.person_id)
        .outerjoin(other, other.id == Flag.other_person_id)
        .outerjoin(decider, decider.id == Flag.decided_by)
        .where(Flag.id.in_(flag_ids))
        .order_by(Flag.id.desc())
    )
    past: dict[uuid.UUID, list[tuple[PastDecision, Person]]] = {}
    for decision, person in session.execute(
        select(PastDecision, Person)
        .join(Person, Person.id == PastDecision.decided_by)
        .where(PastDecision.flag_id.in_(flag_ids))
        .order_by(PastDecision.id)
    ):
        past.setdefault(decision.flag_id, []).append((decision, person))
    return [SeenFlag(*row, past=past.get(row[0].id, [])) for row in found]
