"""Holding a competition once more."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from domain.competitions.calendar import end_of_same_length
from domain.competitions.competition import check_start, create, decided_of
from models import Competition, Person


def copy(
    session: Session,
    person: Person,
    model: Competition,
    starts_at: datetime,
    ends_at: datetime | None,
    name: str | None,
    now: datetime,
) -> Competition:
    """Make a competition by the rules of another one, without its participants and invite code.

    Whoever may see the one may copy it and becomes the organiser: all of it can be read, and
    anybody may make competitions. Raises Invalid for bad times.
    """
    check_start(starts_at, now)
    if ends_at is None:
        ends_at = end_of_same_length(model.starts_at, model.ends_at, model.timezone, starts_at)
    rules = replace(
        decided_of(session, model), name=name or model.name, starts_at=starts_at, ends_at=ends_at
    )
    return create(session, person, rules, now)
