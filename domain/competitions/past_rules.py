"""The versions of a competition's rules: those that hold, and those that were changed."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions.competition import NewCompetition, decided_of
from models import Competition, PastRules, Person

WORDS = {"name", "description"}
"""What may change at any time, and is no rule."""

_AS_JSON = TypeAdapter(NewCompetition)


@dataclass(frozen=True)
class Version:
    """A version of the rules; its words are those of today."""

    version: int
    rules: NewCompetition
    since: datetime
    author_id: int


def keep(
    session: Session, competition: Competition, before: NewCompetition, person: Person
) -> None:
    """Keep the rules of a competition as a version, since others take their place."""
    session.add(
        PastRules(
            competition_id=competition.id,
            version=competition.rules_version,
            rules=_AS_JSON.dump_python(before, mode="json", exclude=WORDS),
            changed_by=person.id,
            changed_at=clock.now(),
        )
    )
    competition.rules_version += 1


def list_versions(
    session: Session, competition: Competition, limit: int, before: int | None
) -> list[Version]:
    """Return at most `limit` versions older than `before`, the newest first."""
    newest = competition.rules_version if before is None else before - 1
    wanted = range(min(newest, competition.rules_version), max(newest - limit, 0), -1)
    # The version before one says since when that holds.
    rows = session.scalars(
        select(PastRules).where(
            PastRules.competition_id == competition.id,
            PastRules.version.between(newest - limit, newest),
        )
    )
    past = {row.version: row for row in rows}
    return [_version(session, competition, number, past) for number in wanted]


def _version(
    session: Session, competition: Competition, number: int, past: dict[int, PastRules]
) -> Version:
    if number == competition.rules_version:
        rules = decided_of(session, competition)
    else:
        rules = _AS_JSON.validate_python({**past[number].rules, "name": competition.name})
    if number == 1:
        return Version(number, rules, competition.created_at, competition.organiser_id)
    replaced = past[number - 1]
    return Version(number, rules, replaced.changed_at, replaced.changed_by)
