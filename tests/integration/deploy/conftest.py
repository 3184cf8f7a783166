"""Winners with a purse."""

from tests.integration.payouts.conftest import purse

__all__ = ["purse"]
