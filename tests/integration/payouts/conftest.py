"""Winners with a purse."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.factories import Factory
from tests.integration.payouts.admins import Admins
from tests.integration.payouts.hostile import HostileRail
from tests.integration.payouts.purse import Purse
from tests.integration.payouts.remote import serving


@pytest.fixture
def purse(engine: Engine, factory: Factory) -> Purse:
    """Makes payouts and looks at them."""
    return Purse(engine, factory)


@pytest.fixture
def admins(purse: Purse) -> Admins:
    """Two who correct prizes."""
    return Admins(purse)


@pytest.fixture
def rail() -> HostileRail:
    """A rail in a good mood, which outlives the killed."""
    return HostileRail()


@pytest.fixture
def address(rail: HostileRail) -> Iterator[str]:
    """Where another process finds the rail."""
    with serving(rail) as at:
        yield at
