"""Winners with a purse."""

import pytest
from sqlalchemy import Engine

from tests.factories import Factory
from tests.integration.payouts.admins import Admins
from tests.integration.payouts.purse import Purse


@pytest.fixture
def purse(engine: Engine, factory: Factory) -> Purse:
    """Makes payouts and looks at them."""
    return Purse(engine, factory)


@pytest.fixture
def admins(purse: Purse) -> Admins:
    """Two who correct prizes."""
    return Admins(purse)
