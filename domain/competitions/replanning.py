"""After a competition's times have changed: its people's pulls and last days, page by page.

`competition.plan_after` says how far that has come; it is set to 0 by whoever changes the times.
"""

import uuid
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.competitions.life import hold
from domain.fitness import schedule
from domain.locks import lock_competitions_shared, lock_people
from domain.scoring.at_cutoff import recompute_ended
from models import Competition, Participant

PAGE = 2_000


def unplanned(session: Session, limit: int) -> list[uuid.UUID]:
    """Return competitions whose people's pulls are to be planned anew."""
    found = select(Competition.id).where(Competition.plan_after.is_not(None))
    return list(session.scalars(found.order_by(Competition.id).limit(limit)))


def plan_page(session: Session, competition_id: uuid.UUID, now: datetime) -> None:
    """Plan the pulls of the next people, and count their days within the new bounds."""
    after = session.scalar(select(Competition.plan_after).where(Competition.id == competition_id))
    following = (
        select(Participant.person_id)
        .where(Participant.competition_id == competition_id, Participant.person_id > after)
        .order_by(Participant.person_id)
        .limit(PAGE)
    )
    people = [] if after is None else list(session.scalars(following))
    lock_people(session, people)
    lock_competitions_shared(session, [competition_id])
    competition = hold(session, competition_id)
    if after is None or competition.plan_after != after:
        return  # someone else was faster
    schedule.plan(session, people, now)
    recompute_ended(session, competition_id, people, competition.cutoff_at)
    competition.plan_after = people[-1] if len(people) == PAGE else None
