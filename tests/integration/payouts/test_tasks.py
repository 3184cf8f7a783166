"""The jobs as beat and the doorbell call them."""

from collections.abc import Iterator

import pytest

from domain import clock
from domain.payouts import distributing
from domain.redis import Redis
from domain.settings import Settings
from tests.integration.payouts.purse import Purse
from worker.app import make_app
from worker.resources import PodiumCelery


@pytest.fixture
def app(settings: Settings, redis: Redis) -> Iterator[PodiumCelery]:
    """The application whose tasks are run."""
    made = make_app(settings)
    made.loader.import_task_module("tasks.payouts")
    yield made
    made.resources.engine.dispose()


def test_what_is_due_is_found_and_paid(purse: Purse, app: PodiumCelery, redis: Redis) -> None:
    won = purse.won([60, 30, 10])
    with purse.unit() as unit:
        distributing.distribute(unit.session, won.competition.id, None, clock.now())
    app.tasks["payouts.sweep"]()
    assert redis.exists("bell:payouts.pay")
    app.tasks["payouts.pay"]()
    assert purse.counts() == {"accepted": 3}
    assert not redis.exists("bell:payouts.pay")
    app.tasks["payouts.sweep"]()
    assert not redis.exists("bell:payouts.pay")
    purse.verify()
