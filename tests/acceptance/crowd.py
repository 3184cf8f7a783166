"""Many people at once: connected by real grants, competing, compared with the truth."""

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import cast

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions.competition import NewCompetition, create
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
from models.slots import Metric
from models.source import SourceKind
from tests.acceptance.stack import Stack, rows
from tests.scores import recompute_everyone
from worker.app import make_app
from worker.unit import unit_of_work

ALL_ARRIVED = timedelta(hours=6)
"""Nothing reaches the sandbox's Google later than this."""


class Crowd:
    """People of the sandbox, all in one competition in steps."""

    def __init__(self, stack: Stack, names: Sequence[str]) -> None:
        self.stack = stack
        self.names = names
        self.settings = Settings.load(stack.environment)
        self.people: dict[str, int] = {}
        self.competition_id = uuid.UUID(int=0)
        self._enrol()

    def _enrol(self) -> None:
        subs = {one["id"]: one["sub"] for one in self.stack.control("GET", "/people")["items"]}
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
        now = floor_quarter(datetime.now(UTC))
        organiser = session.get_one(Person, self.people[self.names[0]])
        new = NewCompetition(
            name="Crowd",
            metric=Metric.STEPS,
            starts_at=now - timedelta(days=1),
            ends_at=now + timedelta(days=1),
            timezone="UTC",
            visibility=Visibility.PUBLIC,
        )
        competition = create(session, organiser, new, clock.now())
        session.execute(
            text(
                "INSERT INTO participant (competition_id, person_id, user_id, joined_at)"
                " SELECT :competition, id, user_id, :now FROM person WHERE id = ANY(:people)"
            ),
            {
                "competition": competition.id,
                "people": list(self.people.values()),
                "now": clock.now(),
            },
        )
        recompute_everyone(session, competition.id)
        return competition.id

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
        """Compare what is stored with the sandbox's truth, where all of it has arrived."""
        with Session(self.stack.engine) as session:
            assert recompute_everyone(session, self.competition_id) == 0
            session.rollback()
        until = floor_quarter(datetime.now(UTC) - ALL_ARRIVED)
        since = until - timedelta(days=1)
        for name in names:
            truth = self.stack.control(
                "GET", f"/people/{name}/truth?from={since:%Y-%m-%dT%TZ}&to={until:%Y-%m-%dT%TZ}"
            )
            stored = rows(
                self.stack.engine,
                "SELECT CAST(d.day AS timestamp) AT TIME ZONE 'UTC'"
                "       + (n - 1) * interval '15 minutes' AS at,"
                "       (array_agg(v ORDER BY v > 0 DESC, array_position("
                "           CAST(:kinds AS text[]), CAST(s.kind AS text))))[1] AS value"
                " FROM slot_day d JOIN source s ON (s.person_id, s.key) = (d.person_id, d.source),"
                " unnest(d.slots) WITH ORDINALITY AS u(v, n)"
                " WHERE d.person_id = :person AND d.metric = 'steps' AND d.class = 'measured'"
                " AND v IS NOT NULL GROUP BY d.day, n",
                person=self.people[name],
                kinds=[str(kind) for kind in SourceKind],
            )
            by_time = {row.at: row.value for row in stored}
            assert [
                by_time.get(since + n * QUARTER) for n in range((until - since) // QUARTER)
            ] == truth["measured"]["steps"], name
