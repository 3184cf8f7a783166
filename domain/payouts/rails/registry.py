"""The rails that are set up here."""

from collections.abc import Mapping

from domain.payouts.rails.base import Rail
from domain.payouts.rails.manual import ManualRail
from domain.payouts.rails.stripe import StripeRail
from domain.payouts.rails.stripe_client import make_client
from domain.settings import Settings
from models.rail import RailName

Rails = Mapping[RailName, Rail]


def open_rails(settings: Settings) -> Rails:
    """Return the rails by name; one whose variables are not set is off."""
    rails: dict[RailName, Rail] = {RailName.MANUAL: ManualRail()}
    if settings.stripe_api_key is not None:
        client = make_client(settings.stripe_api_key, settings.stripe_api_url)
        rails[RailName.STRIPE] = StripeRail(client)
    return rails
