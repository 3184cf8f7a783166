"""The jobs as beat and the doorbell call them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import update

from domain.redis import Redis
from domain.settings import Settings
from models import PrizePlan
from tests.integration.payouts.purse import Purse
from worker.app import make_app
from worker.resources import PodiumCelery


@pytest.fixture
def app(settings: Settings, redis: Redis) -> Iterator[PodiumCelery]:
    """The application whose tasks are run."""
    made = make_app(settings)
    made.loader.import_task_module("tasks.prizes")
    yield made
    made.resources.engine.dispose()


def test_a_plan_that_pays_by_itself_needs_nobody(
    purse: Purse, app: PodiumCelery, redis: Redis
) -> None:
    won = purse.won([60, 30, 10])
    purse.won([50])
    purse.factory.session.execute(
        update(PrizePlan)
        .where(PrizePlan.competition_id == won.competition.id)
        .values(auto_distribute=True)
    )
    purse.factory.session.commit()
    app.tasks["prizes.settle"]()
    assert redis.exists("bell:payouts.pay")
    app.tasks["payouts.pay"]()
    assert purse.counts() == {"accepted": 3}
    assert not redis.exists("bell:payouts.pay")
    app.tasks["prizes.settle"]()
    app.tasks["payouts.sweep"]()
    assert not redis.exists("bell:payouts.pay")
    purse.verify()
