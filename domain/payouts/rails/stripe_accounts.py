"""Winners' accounts at Stripe: who they are for, whether they can take money, how they get ready.

An account is connected to ours and of the express kind: Stripe asks its owner for everything, on
pages of its own, and pays on to a bank by itself.
"""

import uuid
from datetime import UTC, datetime

import stripe
from stripe import Account, StripeClient

from domain.payouts.rails.hosted import Link, Opened
from domain.payouts.rails.stripe_client import make_client
from domain.payouts.rails.stripe_errors import of_account
from domain.settings import Settings

OWNER = "person"
"""Name of the owner's public id in an account's metadata."""


class StripeAccounts:
    """Every method raises AccountUnknown, Retryable or Throttled. Blocking, one try each."""

    def __init__(self, client: StripeClient) -> None:
        self._client = client

    def look(self, account: str) -> Opened:
        """Ask how an account is now."""
        try:
            return _opened(self._client.v1.accounts.retrieve(account))
        except stripe.StripeError as error:
            raise of_account(error) from error

    def open(self, owner: uuid.UUID, instead_of: str | None) -> Opened:
        """Open an account; within a day the same call gives the same one."""
        try:
            made = self._client.v1.accounts.create(
                {
                    "type": "express",
                    "capabilities": {"transfers": {"requested": True}},
                    "metadata": {OWNER: str(owner)},
                },
                {"idempotency_key": f"account-{owner}-{instead_of or 'first'}"},
            )
        except stripe.StripeError as error:
            raise of_account(error) from error
        return _opened(made)

    def link(self, account: str, return_url: str) -> Link:
        """Make a page on which the owner gives what Stripe still asks for.

        It leads to `return_url` in the end, and also when it is opened too late or twice.
        """
        try:
            made = self._client.v1.account_links.create(
                {
                    "account": account,
                    "type": "account_onboarding",
                    "return_url": return_url,
                    "refresh_url": return_url,
                }
            )
        except stripe.StripeError as error:
            raise of_account(error) from error
        return Link(made.url, datetime.fromtimestamp(made.expires_at, UTC))


def open_accounts(settings: Settings) -> StripeAccounts | None:
    """Return the accounts, or None where the rail is off."""
    if settings.stripe_api_key is None:
        return None
    return StripeAccounts(make_client(settings.stripe_api_key, settings.stripe_api_url))


def _opened(account: Account) -> Opened:
    capabilities = account.capabilities
    metadata: dict[str, str] = account.metadata.to_dict() if account.metadata else {}
    return Opened(
        account.id,
        ready=capabilities is not None and getattr(capabilities, "transfers", None) == "active",
        owner=metadata.get(OWNER),
    )
