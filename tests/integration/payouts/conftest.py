"""Winners with a purse."""

import pytest
from sqlalchemy import Engine

from tests.factories import Factory
from tests.integration.payouts.purse import Purse


@pytest.fixture
def purse(engine: Engine, factory: Factory) -> Purse:
    """Makes payouts and looks at them."""
    return Purse(engine, factory)
