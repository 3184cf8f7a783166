"""Each alert fires when its trouble is caused, it alone, and none without one."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from domain import clock
from domain.ids import new_id
from domain.leaderboards.marks import mark_dirty
from domain.redis import Redis
from domain.settings import Settings
from domain.tallies import Tally, count
from models import SyncRequest, WebhookEvent
from models.competition import CompetitionStatus
from models.payout import PayoutStatus
from models.sync import SyncReason, SyncStatus
from tests.factories import Factory
from tests.integration.payouts.purse import Purse
from tests.promtool import (
    AWAY,
    UP,
    Scrape,
    Story,
    alerts,
    goes_on,
    judge,
    needs_promtool,
    read_scrape,
)
from web import create_app
from web.counters import CLOSES, REQUESTS
from web.db import EXTENSION
from worker.queues import BEAT_MARK, PROGRESS_MARK, Queue

pytestmark = needs_promtool

MARKS = (*(f"{PROGRESS_MARK}{queue}" for queue in Queue), BEAT_MARK)


@dataclass
class House:
    """What a trouble is caused in."""

    session: Session
    factory: Factory
    redis: Redis
    settings: Settings
    engine: Engine
    client: FlaskClient
    held: ExitStack

    def scrape(self) -> Scrape:
        """Ask as Prometheus does."""
        answer = self.client.get("/metrics")
        return read_scrape(answer.text) if answer.status_code == 200 else AWAY

    def tell(self, name: str, *labels: str, amount: float) -> None:
        """Count as a worker does."""
        with self.redis.pipeline() as pipe:
            count(pipe, {Tally(name, labels): amount})
            pipe.execute()

    def site(self, **changes: str) -> FlaskClient:
        """Return another site, with other settings."""
        app = create_app(self.settings.model_copy(update=changes))
        self.held.callback(app.extensions[EXTENSION].close)
        return app.test_client()

    def connections(self, number: int, state: str = "SELECT 1") -> None:
        """Hold connections to the database, each in such a state."""
        url = self.settings.database_url.replace("+psycopg", "", 1)
        for _ in range(number):
            connection = self.held.enter_context(psycopg.connect(url, autocommit=True))
            connection.execute(state)

    def pulls(self, number: int, **columns: object) -> None:
        """Make pulls of one person."""
        connection = self.factory.connection(self.factory.person())
        now = clock.now()
        for _ in range(number):
            given = {"reason": SyncReason.SCHEDULED, "requested_at": now, "due_at": now, **columns}
            pull = SyncRequest(
                id=new_id(), connection_id=connection.id, person_id=connection.person_id, **given
            )
            self.session.add(pull)
        self.session.commit()

    def run(self, command: str, **parameters: object) -> None:
        """Change rows."""
        self.session.execute(text(command), parameters)
        self.session.commit()


@pytest.fixture
def house(
    session: Session, factory: Factory, redis: Redis, settings: Settings, app: Flask, engine: Engine
) -> Iterator[House]:
    """A house in which all is well."""
    redis.mset(dict.fromkeys(MARKS, int(time.time())))
    with ExitStack() as held:
        yield House(session, factory, redis, settings, engine, app.test_client(), held)


def ago(**time: float) -> object:
    return clock.now() - timedelta(**time)


def site_down(house: House) -> None:
    house.client = house.site(
        database_url="postgresql+psycopg://podium:podium@127.0.0.1:9/podium",
    )


def redis_away(house: House) -> None:
    house.client = house.site(redis_url="redis://127.0.0.1:9/0")


def queue_stands(house: House) -> None:
    house.redis.set(f"{PROGRESS_MARK}{Queue.BOARDS}", int(time.time()) - 60)


def queue_stands_long(house: House) -> None:
    house.redis.delete(f"{PROGRESS_MARK}{Queue.PAYOUTS}")


def schedule_stands(house: House) -> None:
    house.redis.set(BEAT_MARK, int(time.time()) - 60)


def schedule_never_stood(house: House) -> None:
    house.redis.delete(BEAT_MARK)


def tasks_fail(house: House) -> None:
    house.tell("task_runs", "fitness.pull_batch", "succeeded", amount=6)
    house.tell("task_runs", "fitness.pull_batch", "failed", amount=3)


def database_connections_many(house: House) -> None:
    house.connections(165)


def database_transactions_idle(house: House) -> None:
    house.connections(12, "BEGIN")


def answers_fail(house: House) -> None:
    for _ in range(20):
        asked = house.client.get("/api/v1/me", headers={"Authorization": f"Bearer {FOREIGN}"})
        assert asked.status_code == 503


def answers_slow(house: House) -> None:
    for _ in range(20):
        REQUESTS.labels("GET", "/api/v1/me", "200").observe(3)


def watchers_slow(house: House) -> None:
    CLOSES.labels("4429").inc(100)


def pulls_late(house: House) -> None:
    house.pulls(1, status=SyncStatus.QUEUED, due_at=ago(minutes=6))


def data_owed_long(house: House) -> None:
    window = {"window_from": ago(days=3), "window_to": ago(days=2)}
    since = {"requested_at": ago(hours=7), "due_at": clock.now() + timedelta(hours=1)}
    house.pulls(1, reason=SyncReason.OWED, status=SyncStatus.QUEUED, **since, **window)


def failed(house: House, number: int, code: str) -> None:
    ended = {"status": SyncStatus.FAILED, "finished_at": clock.now(), "error_code": code}
    house.pulls(number, **ended)


def syncs_fail(house: House) -> None:
    failed(house, 20, "vendor_slow")


def grants_end(house: House) -> None:
    failed(house, 20, "reauth_required")


def few_syncs_fail(house: House) -> None:
    failed(house, 19, "vendor_slow")


def vendor_fails(house: House) -> None:
    house.tell("vendor_calls", "google_fit", "200", amount=60)
    house.tell("vendor_calls", "google_fit", "503", amount=40)


def vendor_throttles(house: House) -> None:
    house.tell("vendor_calls", "google_fit", "200", amount=60)
    house.tell("vendor_calls", "google_fit", "429", amount=40)


def boards_late(house: House) -> None:
    competition = house.factory.competition()
    mark_dirty(house.session, [(competition.id, None)])
    house.run("UPDATE board_dirty SET marked_at = :at", at=ago(seconds=20))


def boards_wrong(house: House) -> None:
    house.factory.competition()
    house.run("UPDATE board SET drift = 3, verified_at = :at", at=clock.now())


def boards_uncompared(house: House) -> None:
    house.factory.competition()
    house.run("UPDATE board SET verified_at = :at", at=ago(days=2, minutes=1))


def competitions_late(house: House) -> None:
    house.factory.competition(status=CompetitionStatus.UPCOMING)


def prizes_late(house: House) -> None:
    Purse(house.engine, house.factory).won([5])
    house.run("UPDATE transition SET happened_at = :at", at=ago(minutes=11))
    house.run("UPDATE prize_plan SET settled_at = NULL")


def payouts_late(house: House) -> None:
    Purse(house.engine, house.factory).distributed([5])
    house.run("UPDATE payout SET due_at = :at", at=ago(minutes=11))


def payouts_unasked(house: House) -> None:
    purse = Purse(house.engine, house.factory)
    purse.bring(purse.distributed([5]), PayoutStatus.UNKNOWN)
    house.run("UPDATE payout SET due_at = :at", at=ago(minutes=16))


def webhooks_late(house: House) -> None:
    times = {"received_at": ago(minutes=6), "due_at": ago(minutes=6)}
    event = WebhookEvent(vendor="stripe", event_id="evt_1", kind="ping", body=b"{}", **times)
    house.session.add(event)
    house.session.commit()


def payout_unknown_long(house: House) -> None:
    purse = Purse(house.engine, house.factory)
    purse.bring(purse.distributed([5]), PayoutStatus.UNKNOWN)
    house.run("UPDATE payout SET unsure_since = :at", at=ago(hours=25))


def proved(house: House, findings: int, **before: float) -> None:
    house.run(
        "INSERT INTO ledger_check (checked_at, transactions, findings) VALUES (:at, 9, :findings)",
        at=ago(**before),
        findings=findings,
    )


def rail_differs(house: House) -> None:
    house.run(
        "INSERT INTO reconciliation (rail, day, started_at, finished_at, compared)"
        " VALUES ('stripe', CAST(:at AS date), now(), now(), 1)",
        at=ago(days=1),
    )
    house.run(
        "INSERT INTO difference (reconciliation_id, kind, reference)"
        " SELECT id, 'unknown_here', 'tr_1' FROM reconciliation"
    )


def rail_uncompared(house: House) -> None:
    purse = Purse(house.engine, house.factory)
    purse.bring(purse.distributed([5]), PayoutStatus.PAID)
    house.run("UPDATE payout SET rail = 'stripe', sent_at = :at", at=ago(days=4))


def ledger_wrong(house: House) -> None:
    proved(house, 2, minutes=1)


def ledger_unproved(house: House) -> None:
    proved(house, 0, hours=4)


def nothing(house: House) -> None:
    """All is well."""


TROUBLES: dict[Callable[[House], None], Collection[str]] = {
    nothing: (),
    grants_end: (),
    few_syncs_fail: (),
    site_down: ["SiteDown"],
    redis_away: ["RedisAway"],
    queue_stands: ["QueueStands"],
    queue_stands_long: ["QueueStands"],
    schedule_stands: ["ScheduleStands"],
    schedule_never_stood: ["ScheduleStands"],
    tasks_fail: ["TasksFail"],
    database_connections_many: ["DatabaseConnectionsMany"],
    database_transactions_idle: ["DatabaseTransactionsIdle"],
    answers_fail: ["AnswersFail"],
    answers_slow: ["AnswersSlow"],
    watchers_slow: ["WatchersSlow"],
    pulls_late: ["PullsLate"],
    data_owed_long: ["DataOwedLong"],
    syncs_fail: ["SyncsFail"],
    vendor_fails: ["VendorFails"],
    vendor_throttles: ["VendorThrottles"],
    boards_late: ["BoardsLate"],
    boards_wrong: ["BoardsWrong"],
    boards_uncompared: ["BoardsUncompared"],
    competitions_late: ["CompetitionsLate"],
    prizes_late: ["PrizesLate"],
    payouts_late: ["PayoutsLate"],
    payouts_unasked: ["PayoutsUnasked"],
    webhooks_late: ["WebhooksLate"],
    payout_unknown_long: ["PayoutUnknownLong"],
    rail_differs: ["RailDiffers"],
    rail_uncompared: ["RailUncompared"],
    ledger_wrong: ["LedgerWrong"],
    ledger_unproved: ["LedgerUnproved"],
}
FOREIGN = (
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImFueSJ9.eyJzdWIiOiIwIn0"
    ".AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
"""A token in the shape of the project's, whose key would have to be fetched."""


@pytest.mark.parametrize("cause", TROUBLES, ids=lambda cause: cause.__name__)
def test_a_trouble_is_told(cause: Callable[[House], None], house: House, tmp_path: Path) -> None:
    before = house.scrape()
    cause(house)
    scrapes = goes_on(before, house.scrape())
    judge(tmp_path, Story(cause.__name__, scrapes, TROUBLES[cause]))


def test_a_process_among_others_is_missed(house: House, tmp_path: Path) -> None:
    scrape = {**house.scrape(), UP.replace("web:", "other:"): 0.0}
    judge(tmp_path, Story("one away", goes_on(scrape, scrape), ["SiteProcessDown"]))


def test_a_trouble_that_goes_by_is_not_told(house: House, tmp_path: Path) -> None:
    before = house.scrape()
    pulls_late(house)
    during = house.scrape()
    scrapes = [*goes_on(before, during, 2), *goes_on(before, before, 5)]
    judge(tmp_path, Story("gone by", scrapes, ()))


def test_every_alert_is_caused() -> None:
    caused = {name for names in TROUBLES.values() for name in names} | {"SiteProcessDown"}
    assert caused == {rule["alert"] for rule in alerts()}
