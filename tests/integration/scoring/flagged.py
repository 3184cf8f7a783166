"""Flags of a test: what stands, and what a score would be without the slots that they bar."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from domain import clock
from domain.scoring.decisions import Answer, Decided, decide
from models import Competition, Flag, Participant, Person, ScoreDay
from models.flag import Decision
from models.source import SourceKind
from tests.devices import Device, store
from tests.factories import START
from worker.unit import unit_of_work

SHAKEN = 4000
"""Steps in a quarter hour that no body takes."""


def phone(values: Mapping[int, int]) -> tuple[str, Device]:
    return "phone", Device(SourceKind.PHONE, values)


def watch(values: Mapping[int, int]) -> tuple[str, Device]:
    return "watch", Device(SourceKind.WATCH, values)


class Contest:
    """A competition in steps with one participant, and its organiser."""

    def __init__(
        self, engine: Engine, session: Session, organiser: Person, person: Person, of: Competition
    ) -> None:
        self.engine = engine
        self.session = session
        self.organiser = organiser
        self.person = person
        self.competition = of

    def store(self, *devices: tuple[str, Device], day: int = 0) -> None:
        """Write a day of each device."""
        store(self.engine, self.person, devices, day=day)

    def flags(self, decision: Decision | None = None) -> list[Flag]:
        """Return the flags by person, the oldest first."""
        self.session.rollback()
        self.session.expire_all()
        mine = select(Flag).where(Flag.competition_id == self.competition.id)
        found = self.session.scalars(mine.order_by(Flag.person_id, Flag.id))
        return [flag for flag in found if decision in (None, flag.decision)]

    def flag(self, decision: Decision | None = None) -> Flag:
        """Return the only flag."""
        (flag,) = self.flags(decision)
        return flag

    def score(self) -> int:
        """Return the score."""
        self.session.rollback()
        key = (self.competition.id, self.person.id)
        return self.session.get_one(Participant, key, populate_existing=True).score

    def drops(self, day: int = 0) -> dict[str, int]:
        """Return what a day dropped."""
        self.session.rollback()
        key = (self.competition.id, self.person.id, START.date() + timedelta(days=day))
        return dict(self.session.get_one(ScoreDay, key, populate_existing=True).drops)

    def decide(
        self,
        flag: Flag,
        decision: Decision,
        note: str | None = None,
        changed_at: datetime | None = None,
    ) -> Decided:
        """Let the organiser answer."""
        with unit_of_work(self.engine) as unit:
            return decide(
                unit.session,
                self.competition.id,
                flag.id,
                Answer(decision, note, changed_at),
                self.organiser,
                clock.now(),
            )


def held(flag: Flag) -> dict[int, int]:
    """Return what a flag's slots hold, in whole steps."""
    return {number: value // 1000 for number, value in enumerate(flag.slots) if value}
