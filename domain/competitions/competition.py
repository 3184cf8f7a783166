"""Making competitions and finding those that a person may see."""

import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, text
from sqlalchemy.orm import Session

from domain.competitions.calendar import days_of
from domain.competitions.freshness import Freshness, freshness_of
from domain.errors import Invalid, NotFound
from domain.ids import new_id
from domain.leaderboards.marks import mark_dirty
from domain.prizes import plan as plans
from domain.prizes.split import Plan
from domain.time_zones import is_time_zone
from models import Board, Competition, CompetitionDay, Participant, Person, PrizePlan
from models.competition import CompetitionStatus, Scoring, Sources, Visibility
from models.slots import Metric

QUARTER = timedelta(minutes=15)
LONGEST = timedelta(days=400)
FARTHEST = timedelta(days=3650)


@dataclass(frozen=True)
class NewCompetition:
    """What an organiser decides."""

    name: str
    metric: Metric
    starts_at: datetime
    ends_at: datetime
    timezone: str
    visibility: Visibility
    description: str | None = None
    max_participants: int | None = None
    scoring: Scoring = Scoring.TOTAL
    goal: int | None = None
    daily_cap: int | None = None
    min_score: int | None = None
    sources: Sources = Sources.MEASURED
    grace_hours: int = 24
    review_hours: int = 0
    late_join: bool = True
    prize: Plan | None = None


@dataclass(frozen=True)
class Seen:
    """A competition as one caller sees it."""

    competition: Competition
    joined: bool
    organiser: bool
    freshness: Freshness | None
    """Null for those who do not take part."""
    prize: PrizePlan | None


def create(session: Session, organiser: Person, new: NewCompetition, now: datetime) -> Competition:
    """Make a competition with its calendar and an empty board.

    Raises Invalid for bad times, or for a prize whose parts do not fit together.
    """
    check_times(new, now)
    columns = {name: value for name, value in vars(new).items() if name != "prize"}
    competition = Competition(
        id=new_id(),
        organiser_id=organiser.id,
        status=CompetitionStatus.ACTIVE if new.starts_at <= now else CompetitionStatus.UPCOMING,
        invite_code=invite_code_of(new.visibility),
        participant_count=0,
        rules_version=1,
        created_at=now,
        **columns,
    )
    session.add(competition)
    session.flush()  # the rows below refer to it
    plans.promise(session, competition.id, new.prize, now)
    session.add(Board(competition_id=competition.id, epoch=secrets.token_hex(6), offset=0))
    lay_out_days(session, competition)
    mark_dirty(session, [(competition.id, None)])
    return competition


def decided_of(session: Session, competition: Competition) -> NewCompetition:
    """Return what the organiser has decided so far."""
    names = {one.name for one in fields(NewCompetition)} - {"prize"}
    columns = {name: getattr(competition, name) for name in names}
    return NewCompetition(**columns, prize=plans.plan_of(session, competition.id))


def invite_code_of(visibility: Visibility) -> str | None:
    """Return a new code for a private competition."""
    return secrets.token_urlsafe(9) if visibility is Visibility.PRIVATE else None


def lay_out_days(session: Session, competition: Competition) -> None:
    """Write the calendar of a competition that has none."""
    session.add_all(
        CompetitionDay(
            competition_id=competition.id, day=day.day, starts_at=day.start, ends_at=day.end
        )
        for day in days_of(competition.starts_at, competition.ends_at, competition.timezone)
    )


def check_times(new: NewCompetition, now: datetime) -> None:
    """Raise Invalid for times that no competition has."""
    check_start(new.starts_at, now)
    if new.prize is not None and new.starts_at < now:
        raise Invalid("must be in the future where there is a prize", loc=("body", "starts_at"))
    epoch = datetime.fromtimestamp(0, tz=new.starts_at.tzinfo)
    for name, moment in (("starts_at", new.starts_at), ("ends_at", new.ends_at)):
        if (moment - epoch) % QUARTER:
            raise Invalid("must be a whole quarter hour", loc=("body", name))
    if new.ends_at <= max(new.starts_at, now):
        raise Invalid("must be in the future and after the start", loc=("body", "ends_at"))
    if new.ends_at - new.starts_at > LONGEST:
        raise Invalid(f"must be within {LONGEST.days} days of the start", loc=("body", "ends_at"))
    if not is_time_zone(new.timezone):
        raise Invalid("is not an IANA time zone", loc=("body", "timezone"))


def check_start(starts_at: datetime, now: datetime) -> None:
    """Raise Invalid for a start too far away, in either direction, to reckon with."""
    if starts_at < now - LONGEST:
        raise Invalid(f"must be within the last {LONGEST.days} days", loc=("body", "starts_at"))
    if starts_at > now + FARTHEST:
        raise Invalid(f"must be within the next {FARTHEST.days} days", loc=("body", "starts_at"))


def _takes_part(person: Person) -> ColumnElement[bool]:
    return (
        select(Participant.person_id)
        .where(Participant.competition_id == Competition.id, Participant.person_id == person.id)
        .exists()
    )


def _visible_to(person: Person | None) -> ColumnElement[bool]:
    public = Competition.visibility == Visibility.PUBLIC
    if person is None:
        return public
    return or_(public, Competition.organiser_id == person.id, _takes_part(person))


def get_visible(
    session: Session, competition_id: uuid.UUID, person: Person | None, *, is_admin: bool = False
) -> Competition:
    """Return a competition that this caller may see, else raise NotFound."""
    found = select(Competition).where(Competition.id == competition_id)
    if not is_admin:
        found = found.where(_visible_to(person))
    if (competition := session.scalar(found)) is None:
        raise NotFound("There is no such competition for you.", code="competition_not_found")
    return competition


_SHUT_OUT = text("""
    SELECT watched.competition_id, watched.person_id
    FROM unnest(CAST(:competitions AS uuid[]), CAST(:people AS bigint[]))
        AS watched(competition_id, person_id)
    LEFT JOIN competition ON competition.id = watched.competition_id
    LEFT JOIN person ON person.id = watched.person_id
    WHERE competition.id IS NULL
        OR watched.person_id <> 0 AND person.sub IS NULL
        OR competition.visibility <> 'public'
            AND competition.organiser_id <> watched.person_id
            AND NOT EXISTS (
                SELECT FROM participant
                WHERE participant.competition_id = watched.competition_id
                    AND participant.person_id = watched.person_id)
""")


def shut_out(
    session: Session, watched: Collection[tuple[uuid.UUID, int]]
) -> set[tuple[uuid.UUID, int]]:
    """Return those pairs of competition and person where `get_visible` would raise.

    Whoever was erased may see nothing. Nobody has the key 0. Admins may see
    everything: leave them out.
    """
    pairs = list(watched)
    both = {"competitions": [pair[0] for pair in pairs], "people": [pair[1] for pair in pairs]}
    return {(row[0], row[1]) for row in session.execute(_SHUT_OUT, both)} if pairs else set()


def see(session: Session, competitions: list[Competition], person: Person) -> list[Seen]:
    """Return competitions as `person` sees them."""
    joined = set(
        session.scalars(
            select(Participant.competition_id).where(
                Participant.person_id == person.id,
                Participant.competition_id.in_([one.id for one in competitions]),
            )
        )
    )
    freshness = freshness_of(session, [(one, person.id) for one in joined])
    prizes = plans.rows_of(session, [one.id for one in competitions])
    return [
        Seen(
            competition=one,
            joined=one.id in joined,
            organiser=one.organiser_id == person.id,
            freshness=freshness.get((one.id, person.id)),
            prize=prizes.get(one.id),
        )
        for one in competitions
    ]


def list_visible(
    session: Session,
    person: Person,
    *,
    status: CompetitionStatus | None,
    mine: bool,
    limit: int,
    before: uuid.UUID | None,
) -> list[Competition]:
    """Return at most `limit` competitions, newest first, older than the id `before`."""
    found = select(Competition).where(_visible_to(person)).order_by(Competition.id.desc())
    if status is not None:
        found = found.where(Competition.status == status)
    if mine:
        found = found.where(or_(Competition.organiser_id == person.id, _takes_part(person)))
    if before is not None:
        found = found.where(Competition.id < before)
    return list(session.scalars(found.limit(limit)))
