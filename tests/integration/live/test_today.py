"""Today's totals on a person's own socket."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain import clock
from domain.fitness.bells import announce
from domain.fitness.syncs import request_sync
from domain.fitness.windows import QUARTER, floor_quarter
from domain.redis import Redis
from models import Person
from models.source import SourceKind
from tests.devices import Device, store
from tests.factories import START, Factory
from tests.integration.fitness.conftest import Fetch, Pulls
from tests.integration.live.conftest import Listener, Site, token_of

Listen = Callable[..., Listener]
PATH = "/ws/fitness"
NOTHING = dict.fromkeys(["steps", "distance", "calories", "active_minutes", "heart_points"], 0.0)


@pytest.fixture
def person(factory: Factory) -> Person:
    """Someone in a zone where it is another day for most of the time."""
    return factory.person(timezone="Pacific/Kiritimati")


def local_date(person: Person) -> str:
    return f"{clock.now().astimezone(ZoneInfo(person.timezone)).date()}"


def test_totals_follow_a_sync_that_changed_something(
    redis: Redis, person: Person, pulls: Pulls, listen: Listen
) -> None:
    pulls.connect(person)
    listener = listen(PATH, person)
    assert listener.silent()
    midnight = floor_quarter(
        clock.now().astimezone(ZoneInfo(person.timezone)).replace(hour=0, minute=0)
    )
    start = midnight.astimezone(UTC) - 4 * QUARTER
    fetch = Fetch({0: 900, 3: 70, 4: 30, 5: 12}, {6: 5}, start=start, slots=8)

    def sync() -> Any:
        pulls.sync(person, fetch)
        announce(redis, [person.user_id])
        while (heard := listener.hear("sync"))["status"] != "succeeded":
            pass
        return heard

    assert sync()["slots"]["changed"] == 5
    stats = listener.hear()
    assert stats == {
        "type": "stats",
        "date": local_date(person),
        "totals": {**NOTHING, "steps": 42.0},
    }
    assert sync()["slots"]["changed"] == 0
    assert listener.silent()


def test_a_change_of_the_past_is_followed_too(
    redis: Redis, person: Person, pulls: Pulls, listen: Listen
) -> None:
    pulls.connect(person)
    listener = listen(PATH, person)
    assert listener.silent()
    pulls.sync(person, Fetch({0: 900}, start=START - timedelta(days=3)))
    announce(redis, [person.user_id])
    assert listener.hear("stats")["totals"] == NOTHING


def test_totals_are_not_told_on_connecting(
    engine: Engine, redis: Redis, person: Person, listen: Listen
) -> None:
    store(engine, person, [("phone", Device(SourceKind.PHONE, {0: 5}))], day=2)
    assert listen(PATH, person).silent()


def record(person: Person, id_: str, start: datetime, steps: int) -> dict[str, Any]:
    return {
        "id": id_,
        "metric": "steps",
        "start": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{start + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}",
        "value": steps,
        "origin": "test.app",
        "device": {"type": "phone"},
        "recording_method": "automatic",
    }


def test_an_upload_is_told_of_and_its_repetition_is_not(
    site: Site, session: Session, redis: Redis, factory: Factory, listen: Listen
) -> None:
    person = factory.person()
    listener, of_another = listen(PATH, person), listen(PATH, factory.person())
    factory.connection(person)
    sync = request_sync(session, person, None, clock.now()).sync
    session.commit()
    announce(redis, [person.user_id])
    assert listener.hear()["sync_id"] == str(sync.id), "how things stand was looked at"
    now = clock.now()
    id_ = "0b0dbb3e-4f6c-4c3a-9a52-0c6ad07f7f11"
    body = {"provider": "health_connect", "records": [record(person, id_, now, 812)]}

    def upload(body: Any) -> None:
        answer = requests.post(
            f"http://127.0.0.1:{site.port}/api/v1/fitness/records",
            json=body,
            headers={"Authorization": f"Bearer {token_of(person)}"},
            timeout=60,
        )
        assert answer.status_code == 202, answer.text

    upload(body)
    assert listener.hear() == {
        "type": "stats",
        "date": f"{now:%F}",
        "totals": {**NOTHING, "steps": 812.0},
    }
    upload(body)
    assert listener.silent()
    upload({"provider": "health_connect", "records": [], "deletions": [id_]})
    assert listener.hear()["totals"] == NOTHING
    assert of_another.silent()
