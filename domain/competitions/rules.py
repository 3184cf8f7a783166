"""Changing the rules of a competition, which ends with its start."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions.competition import (
    check_times,
    decided_of,
    invite_code_of,
    lay_out_days,
)
from domain.competitions.past_rules import WORDS, keep
from domain.errors import Conflict, Unavailable
from domain.fitness import schedule
from domain.fitness.owed import owe_what_is_missing
from domain.leaderboards.marks import mark_dirty
from domain.locks import lock_competition, lock_people, try_lock_people
from domain.prizes import plan as plans
from domain.scoring.recompute import recompute_anew
from models import Competition, CompetitionDay, Participant, Person
from models.competition import CompetitionStatus

CALENDAR = {"starts_at", "ends_at", "timezone"}
SCORING = CALENDAR | {"metric", "scoring", "goal", "daily_cap", "sources"}
PULLING = {"starts_at", "ends_at", "grace_hours"}
"""What decides when people's data is fetched, and how much of it."""


@dataclass(frozen=True)
class Changed:
    """The outcome of a change."""

    competition: Competition
    rules: bool
    """Boards were marked."""
    owes: bool
    """Someone's data has to be fetched now."""


def change(
    session: Session, person: Person, seen: Competition, given: Mapping[str, Any]
) -> Changed:
    """Give some fields of a competition that someone may change other values.

    They are named as in NewCompetition.

    A change of rules before the start keeps the old ones as a version, counts all scores again and
    plans pulls anew. After the commit ring `leaderboards.flush` and `fitness.pull_batch`.
    Raises Invalid, Conflict (`competition_started`, `capacity_below_participants`,
    `prize_funded`), or Unavailable while somebody is joining.
    """
    competition_id = seen.id
    people: Collection[int] = ()
    if not given.keys() <= WORDS and seen.status is CompetitionStatus.UPCOMING:
        people = _hold_everybody(session, competition_id)
    competition = session.get_one(
        Competition, competition_id, populate_existing=True, with_for_update={"key_share": True}
    )
    before = decided_of(session, competition)
    changes = {name: value for name, value in given.items() if getattr(before, name) != value}
    rules = changes.keys() - WORDS
    if rules:
        _check_not_started(competition)
        check_times(replace(before, **changes), clock.now())
        keep(session, competition, before, person)
    if "prize" in changes:
        plans.promise(session, competition_id, changes["prize"], clock.now())
    for name in changes.keys() - {"prize"}:
        setattr(competition, name, changes[name])
    owes = bool(rules) and _apply(session, competition, rules, people)
    return Changed(competition, bool(rules), owes)


def _hold_everybody(session: Session, competition_id: uuid.UUID) -> list[int]:
    """Lock a competition alone with everyone in it; return their ids.

    Those who have joined while it waited come out of order, so for them it does not wait.
    """
    taking_part = select(Participant.person_id).where(Participant.competition_id == competition_id)
    people = session.scalars(taking_part).all()
    lock_people(session, people)
    lock_competition(session, competition_id)
    everybody = session.scalars(taking_part).all()
    if not try_lock_people(session, set(everybody) - set(people)):
        raise Unavailable("Somebody is just joining.", retry_after=1)
    return list(everybody)


def _check_not_started(competition: Competition) -> None:
    """Ask the clock only now that the locks are held: waiting for them takes time."""
    now = clock.now()
    if competition.status is not CompetitionStatus.UPCOMING or competition.starts_at <= now:
        raise Conflict(
            "It has started: only name and description may change.", code="competition_started"
        )


def _apply(
    session: Session, competition: Competition, rules: Collection[str], people: Collection[int]
) -> bool:
    """Let what follows from the rules follow; return whether someone owes data."""
    now = clock.now()
    _check_capacity(competition)
    if "visibility" in rules:
        competition.invite_code = invite_code_of(competition.visibility)
    session.flush()  # the statements below read it
    if CALENDAR & set(rules):
        session.execute(
            delete(CompetitionDay).where(CompetitionDay.competition_id == competition.id)
        )
        lay_out_days(session, competition)
        session.flush()
    marks: list[tuple[uuid.UUID, int | None]] = [(competition.id, None)]
    if SCORING & set(rules):
        marks += recompute_anew(session, competition.id)
    mark_dirty(session, marks)
    if not PULLING & set(rules):
        return False
    schedule.plan(session, people, now)
    return owe_what_is_missing(session, people, now) > 0


def _check_capacity(competition: Competition) -> None:
    most = competition.max_participants
    if most is not None and most < competition.participant_count:
        raise Conflict(
            f"{competition.participant_count} take part already.",
            code="capacity_below_participants",
        )
