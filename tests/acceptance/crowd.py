"""Many people at once: connected by real grants, competing, compared with the truth."""

import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from typing import cast

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions.competition import NewCompetition, create
from domain.competitions.joining import join
from domain.fitness.connections import connect
from domain.fitness.google_oauth import GoogleOAuth
from domain.fitness.syncs import request_sync
from domain.fitness.vault import Vault
from domain.fitness.windows import QUARTER, floor_quarter
from domain.people import person_of
from domain.settings import Settings
from models import Person
from models.competition import Visibility
from models.connection import Provider
from models.slots import Metric, SlotClass
from models.source import SourceKind
from tests.acceptance.stack import Stack, rows
from tests.scores import recompute_everyone
from worker.app import make_app
from worker.unit import unit_of_work

ALL_ARRIVED = timedelta(hours=6)
"""Nothing reaches the sandbox's Google later than this."""

Place = tuple[str, datetime]
"""A metric, and the start of a quarter hour."""


class Crowd:
    """People of the sandbox, all in a competition in steps, later in one that began earlier too."""

    def __init__(self, stack: Stack, names: Sequence[str]) -> None:
        self.stack = stack
        self.names = names
        self.settings = Settings.load(stack.environment)
        self.people: dict[str, int] = {}
        self.competition_id = uuid.UUID(int=0)
        self.late_id: uuid.UUID | None = None
        self.typists: list[str] = []
        """Those who have always typed something in: their streams of that are known."""
        self.since = datetime.now(UTC)
        """Since when all that people did must be known here."""
        self._enrol()

    def _enrol(self) -> None:
        everyone = self.stack.control("GET", "/people")["items"]
        subs = {one["id"]: one["sub"] for one in everyone}
        typing = {one["id"] for one in everyone if one["types_by_hand"]}
        self.typists = [name for name in self.names if name in typing]
        oauth, vault = GoogleOAuth(self.settings), Vault(self.settings.token_keys)

        def enrol(name: str) -> tuple[str, int]:
            code = self.stack.control("GET", f"/people/{name}/code?prompt=consent")["code"]
            grant = oauth.exchange(code)
            with unit_of_work(self.stack.engine) as unit:
                person = person_of(unit.session, uuid.UUID(subs[name]), name, "UTC", clock.now())
                connect(unit.session, vault, person, Provider.GOOGLE_FIT, grant, clock.now())
                return name, person.id

        with ThreadPoolExecutor(4) as pool:
            self.people = dict(pool.map(enrol, self.names))
        with unit_of_work(self.stack.engine) as unit:
            self.competition_id = self._compete(unit.session)

    def _compete(self, session: Session) -> uuid.UUID:
        competition_id = self._begun(session, timedelta(days=1))
        session.execute(
            text(
                "INSERT INTO participant (competition_id, person_id, user_id, joined_at)"
                " SELECT :competition, id, user_id, :now FROM person WHERE id = ANY(:people)"
            ),
            {
                "competition": competition_id,
                "people": list(self.people.values()),
                "now": clock.now(),
            },
        )
        recompute_everyone(session, competition_id)
        return competition_id

    def _begun(self, session: Session, ago: timedelta) -> uuid.UUID:
        now = floor_quarter(datetime.now(UTC))
        organiser = session.get_one(Person, self.people[self.names[0]])
        new = NewCompetition(
            name="Crowd",
            metric=Metric.STEPS,
            starts_at=now - ago,
            ends_at=now + timedelta(days=1),
            timezone="UTC",
            visibility=Visibility.PUBLIC,
        )
        self.since = min(self.since, new.starts_at)
        return create(session, organiser, new, clock.now()).id

    def join_late(self, ago: timedelta) -> None:
        """Let all join a competition that began so long ago: its time since then is owed."""
        with unit_of_work(self.stack.engine) as unit:
            competition_id = self._begun(unit.session, ago)
        for person_id in self.people.values():
            with unit_of_work(self.stack.engine) as unit:
                person = unit.session.get_one(Person, person_id)
                join(unit.session, person, competition_id, None, clock.now())
        self.late_id = competition_id

    def owed(self) -> tuple[int, int]:
        """Return how many windows were owed at any time, and how many are not fetched yet."""
        (found,) = rows(
            self.stack.engine,
            "SELECT count(*) AS ever, count(*) FILTER (WHERE finished_at IS NULL) AS left"
            " FROM sync_request WHERE person_id = ANY(:people) AND reason = 'owed'",
            people=list(self.people.values()),
        )
        return found.ever, found.left

    def sync(self) -> None:
        """Ask for everyone, and ring once."""
        for person_id in self.people.values():
            with unit_of_work(self.stack.engine) as unit:
                person = unit.session.get_one(Person, person_id)
                request_sync(unit.session, person, None, clock.now())
        make_app(self.settings).resources.doorbell.ring("fitness.pull_batch")

    def statuses(self) -> dict[str, int]:
        """Count this crowd's syncs by status."""
        found = rows(
            self.stack.engine,
            "SELECT status, count(*) FROM sync_request WHERE person_id = ANY(:people)"
            " GROUP BY status",
            people=list(self.people.values()),
        )
        return {row.status: row.count for row in found}

    def all_synced(self) -> bool:
        """Say whether every sync of the crowd has succeeded."""
        return set(self.statuses()) == {"succeeded"}

    def board_is_right(self) -> bool:
        """Say whether the sorted set in Valkey holds exactly the table's scores."""
        key = f"board:{{{self.competition_id}}}"
        members = cast(
            "list[tuple[bytes, float]]", self.stack.redis.zrange(key, 0, -1, withscores=True)
        )
        shown = {member.decode(): -int(score) for member, score in members}
        state = self.stack.redis.hmget(f"{key}:state", ["epoch", "offset"])
        (board,) = rows(
            self.stack.engine,
            'SELECT epoch, "offset" FROM board WHERE competition_id = :id',
            id=self.competition_id,
        )
        table = rows(
            self.stack.engine,
            "SELECT user_id, score FROM participant WHERE competition_id = :id",
            id=self.competition_id,
        )
        return shown == {str(row.user_id): row.score for row in table} and state == [
            board.epoch.encode(),
            str(board.offset).encode(),
        ]

    def check_books(self, names: Sequence[str]) -> None:
        """Compare what is stored with the sandbox's truth, where all of it has arrived.

        That is every metric in every quarter hour since the first competition began, what was
        measured and what was typed in; and every score is what is stored.
        """
        with Session(self.stack.engine) as session:
            for competition_id in filter(None, (self.competition_id, self.late_id)):
                assert recompute_everyone(session, competition_id) == 0
            session.rollback()
        until = floor_quarter(datetime.now(UTC) - ALL_ARRIVED)
        for name in names:
            truth = self.stack.control(
                "GET",
                f"/people/{name}/truth?from={self.since:%Y-%m-%dT%TZ}&to={until:%Y-%m-%dT%TZ}",
            )
            stored = self._stored(self.people[name], until)
            for part in (SlotClass.MEASURED, SlotClass.MANUAL):
                differing = stored[part].items() ^ _slots(truth[part], self.since).items()
                assert not differing, (name, part, sorted(differing)[:5])

    def _stored(self, person_id: int, until: datetime) -> dict[SlotClass, dict[Place, int]]:
        """What each quarter hour holds, of the first source that has something there."""
        found = rows(
            self.stack.engine,
            "SELECT d.metric, d.class, d.day, d.slots"
            " FROM slot_day d JOIN source s ON (s.person_id, s.key) = (d.person_id, d.source)"
            " WHERE d.person_id = :person"
            " ORDER BY array_position(CAST(:kinds AS text[]), CAST(s.kind AS text)) DESC",
            person=person_id,
            kinds=[str(kind) for kind in SourceKind],
        )
        stored: dict[SlotClass, dict[Place, int]] = {part: {} for part in SlotClass}
        for row in found:
            midnight = datetime.combine(row.day, time(), tzinfo=UTC)
            stored[SlotClass(row._mapping["class"])] |= {
                (row.metric, at): value
                for n, value in enumerate(row.slots)
                if value and self.since <= (at := midnight + n * QUARTER) < until
            }
        return stored


def _slots(by_metric: Mapping[str, Sequence[int]], since: datetime) -> dict[Place, int]:
    return {
        (metric, since + n * QUARTER): value
        for metric, values in by_metric.items()
        for n, value in enumerate(values)
        if value
    }
