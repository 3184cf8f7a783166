"""Answers that Google really gave, served again: they go in with their known sums."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from sqlalchemy import Engine, text

from domain.fitness.google_scopes import ACTIVITY_SCOPE
from domain.fitness.owed import owe
from domain.fitness.providers.google_fit_answers import AGGREGATE, decode, parse
from domain.fitness.windows import QUARTER, Window
from domain.settings import Settings
from models import FitnessConnection, SyncRequest
from models.sync import SyncStatus
from tasks import fitness
from tests.conftest import SHARED
from tests.factories import Factory
from tests.integration.fitness.conftest import Pulls
from worker.app import make_app
from worker.unit import unit_of_work

SAMPLES = SHARED / "data" / "fit_samples"
QUARTER_MS = QUARTER // timedelta(milliseconds=1)
STEPS = "com.google.step_count.delta"

pytestmark = pytest.mark.skipif(
    not SAMPLES.exists(), reason="the captured answers are not beside the project"
)


def sample(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text())


class Captured(BaseHTTPRequestHandler):
    """Serves captured points in the quarter hour in which each began, as aggregates do."""

    points: ClassVar[list[dict[str, Any]]] = []
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """List no stream of hand-typed values."""
        self._answer({"dataSource": []})

    def do_POST(self) -> None:
        """Aggregate."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        begin, end = asked["startTimeMillis"], asked["endTimeMillis"]
        self._answer(
            {
                "bucket": [
                    {
                        "startTimeMillis": str(start),
                        "endTimeMillis": str(start + QUARTER_MS),
                        "dataset": [self._dataset(one, start) for one in asked["aggregateBy"]],
                    }
                    for start in range(begin, end, QUARTER_MS)
                ]
            }
        )

    def _dataset(self, asked: dict[str, str], start: int) -> dict[str, Any]:
        stop = start + QUARTER_MS
        points = self.points if asked["dataTypeName"] == STEPS else []
        return {
            "dataSourceId": f"derived:{asked['dataTypeName']}:com.google.android.gms:aggregated",
            "point": [one for one in points if start <= int(one["startTimeNanos"]) // 10**6 < stop],
        }

    def _answer(self, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def google() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Captured)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def points_of(name: str) -> list[dict[str, Any]]:
    found = sample(name)
    if "point" in found:
        return list(found["point"])
    return [
        point
        for bucket in found["bucket"]
        for dataset in bucket["dataset"]
        for point in dataset["point"]
    ]


@pytest.mark.parametrize(
    ("name", "count", "steps"),
    [
        ("dataset_get_estimated_steps_real_18k.json", 44, 1183),
        ("aggregate_hourly_steps_real_pixel5_excerpt.json", 2, 268),
        ("aggregate_empty_bucket_real.json", 0, 0),
    ],
)
def test_captured_steps_go_in_with_their_known_sum(
    engine: Engine,
    factory: Factory,
    pulls: Pulls,
    settings: Settings,
    google: str,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    count: int,
    steps: int,
) -> None:
    points = points_of(name)
    assert len(points) == count
    monkeypatch.setattr(Captured, "points", points)
    began = datetime(2023, 1, 9, tzinfo=UTC)
    if points:
        began = datetime.fromtimestamp(int(points[0]["startTimeNanos"]) // 10**9, tz=UTC)
    start = began.replace(hour=0, minute=0, second=0, microsecond=0)
    connection = pulls.connect(factory.person())
    with unit_of_work(engine) as unit:
        stored = unit.session.get_one(FitnessConnection, connection.id)
        stored.scopes = [ACTIVITY_SCOPE]
        owe(
            unit.session,
            stored.id,
            stored.person_id,
            Window(start, start + timedelta(days=1)),
            start,
        )
    app = make_app(settings.model_copy(update={"google_fit_url": google}))
    app.loader.import_default_modules()
    fitness.pull_batch.apply(throw=True)
    app.resources.engine.dispose()
    with unit_of_work(engine) as unit:
        sync = unit.session.query(SyncRequest).one()
        assert sync.status is SyncStatus.SUCCEEDED
        total = unit.session.scalar(
            text(
                "SELECT sum(v) FROM slot_day, unnest(slots) AS v"
                " WHERE metric = 'steps' AND class = 'measured'"
            )
        )
        assert total == steps * 1000


def test_a_captured_aggregate_is_read_as_it_came() -> None:
    content = (SAMPLES / "aggregate_hourly_steps_real_pixel5_excerpt.json").read_bytes()
    start = datetime.fromtimestamp(1_619_269_200, tz=UTC)
    (steps,) = parse(decode(AGGREGATE, content), 1, Window(start, start + 8 * QUARTER))
    assert sum(steps) == 268_000
    assert [slot for slot, value in enumerate(steps) if value] == [0, 4]
