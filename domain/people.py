"""People as the rest of the program knows them."""

import uuid
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.leaderboards.marks import mark_person
from domain.locks import AccountGone, lock_people
from models import Person


def person_of(
    session: Session, sub: uuid.UUID, display_name: str, timezone: str, now: datetime
) -> Person:
    """Return the person whose token says `sub`, made at the first sight of them."""
    known = select(Person).where(Person.sub == sub)
    if person := session.scalar(known):
        return person
    session.execute(
        insert(Person)
        .values(sub=sub, user_id=sub, display_name=display_name, timezone=timezone, created_at=now)
        .on_conflict_do_nothing()
    )
    return session.scalars(known).one()


def person_with(session: Session, person_id: int) -> Person:
    """Return a person by the surrogate key. Raises AccountGone when they were erased."""
    person = session.scalar(select(Person).where(Person.id == person_id, Person.sub.is_not(None)))
    if person is None:
        raise AccountGone
    return person


def change(
    session: Session, person_id: int, display_name: str | None, timezone: str | None
) -> Person:
    """Change what is given. A new name marks the person's boards, so that watchers are told.

    After the commit call `Names.put` and then ring `leaderboards.flush`.
    Raises AccountGone when the person was erased meanwhile.
    """
    lock_people(session, [person_id])
    person = person_with(session, person_id)
    if timezone is not None:
        person.timezone = timezone
    if display_name is not None and display_name != person.display_name:
        person.display_name = display_name
        mark_person(session, person.id)
    return person
